// vecnest geometry: how a collection's vectors lie in their space.

#include <memory>

#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/cli/interrupt.h"
#include "net/cli/progress.h"
#include "net/codec_geometry.h"
#include "net/http_client.h"

namespace vecnest::cli {
namespace {

using engine::Json;

constexpr int kAttempts = 3;
constexpr double kHundredPercent = 100;

struct GeometryOptions {
  std::string data;
  std::string url;
  std::string api_key;
  std::string collection;
  ModelFlags models;
  GeometryRequest request;
  bool json = false;
};

absl::StatusOr<Json> MeasureByServer(const GeometryOptions& options) {
  auto client = net::HttpClient::Create(options.url, options.api_key);
  if (!client.ok()) return client.status();
  CatchInterrupts();
  Waiting waiting("waiting for the server");
  (*client)->set_go_on([&] {
    waiting.Update();
    return !Interrupted();
  });
  const GeometryRequest& request = options.request;
  return (*client)->Call(
      "GET",
      fmt::format("/collections/{}/geometry?vector={}&samples={}&seed={}&field={}&timeout=3600",
                  net::EncodePathPart(options.collection), net::EncodePathPart(request.vector_name),
                  request.samples, request.seed, net::EncodePathPart(request.field)),
      nullptr, kAttempts);
}

absl::StatusOr<Json> MeasureDirectory(const GeometryOptions& options) {
  auto database =
      OpenDatabase(options.data, options.models, /*models_required=*/false, /*must_exist=*/true);
  if (!database.ok()) return database.status();
  CatchInterrupts();
  CallLimits limits;
  limits.stop = InterruptToken();
  GeometryRequest request = options.request;
  Progress progress("measuring");
  request.progress = [&](double share) {
    const auto done = static_cast<uint64_t>(share * kHundredPercent);
    progress.Update(done, done);
  };
  auto report = (*database)->MeasureGeometry(options.collection, request, limits);
  progress.Finish();
  if (!report.ok()) return report.status();
  return net::WriteGeometry(*report);
}

void Print(const Json& report) {
  const auto number = [&](const char* pointer) {
    return report.value(Json::json_pointer(pointer), 0.0);
  };
  fmt::print("{} of {} vectors, {} dimensions\n", report.value("samples", 0),
             report.value("vectors", 0), report.value("dimensions", 0));
  fmt::print("length            {:.4g} to {:.4g}, mean {:.4g} (sd {:.2g}); {} zero, {} constant\n",
             number("/norms/least"), number("/norms/most"), number("/norms/mean"),
             number("/norms/deviation"), report.value("zero_vectors", 0),
             report.value("constant_vectors", 0));
  fmt::print("random pairs      cosine {:.3f} (sd {:.3f}), 98 % in {:.3f} to {:.3f}\n",
             number("/random_pairs/mean"), number("/random_pairs/deviation"),
             number("/random_pairs/low"), number("/random_pairs/high"));
  fmt::print("isotropy          {:.3f} (IsoScore)\n", number("/isotropy"));
  fmt::print("effective rank    {:.1f}; half of the variance on {} axes, 90 % on {}, 99 % on {}\n",
             number("/effective_rank"), report.value("axes_for_half", 0),
             report.value("axes_for_90", 0), report.value("axes_for_99", 0));
  fmt::print("variance          {:.1f} % of the mean square length; constant dimensions: {}\n",
             kHundredPercent * number("/variance_share"), report.value("constant_dimensions", 0));
  fmt::print("hubness           skewness {:.2f}, at most {} times a neighbour, {:.1f} % never\n",
             number("/hubness/skewness"), number("/hubness/most"),
             kHundredPercent * number("/hubness/never"));
  fmt::print("near duplicates   {}\n", report.value("near_duplicates", 0));
  fmt::print("8-bit codes       {:.1f} % of the ten nearest\n",
             kHundredPercent * number("/int8_recall"));
  fmt::print("\ndimensions  variance %  of the ten nearest %\n");
  for (const Json& prefix : report.value("prefixes", Json::array())) {
    fmt::print("{:10}  {:10.1f}  {:20.1f}\n", prefix.value("dimensions", 0),
               kHundredPercent * prefix.value("variance", 0.0),
               kHundredPercent * prefix.value("recall", 0.0));
  }
  fmt::print("\n");
  for (const Json& verdict : report.value("verdicts", Json::array())) {
    fmt::print("{:4}  {}: {}\n", verdict.value("level", ""), verdict.value("check", ""),
               verdict.value("finding", ""));
    if (verdict.contains("advice")) fmt::print("      -> {}\n", verdict.value("advice", ""));
  }
}

absl::Status Geometry(const GeometryOptions& options) {
  auto report = options.data.empty() ? MeasureByServer(options) : MeasureDirectory(options);
  if (!report.ok()) return report.status();
  if (options.json) {
    fmt::print("{}\n", report->dump());
  } else {
    Print(*report);
  }
  return absl::OkStatus();
}

}  // namespace

void AddGeometry(CLI::App& app, Command& command) {
  auto options = std::make_shared<GeometryOptions>();
  CLI::App* geometry = app.add_subcommand(
      "geometry",
      "How a collection's vectors lie in their space, and what that means for its searches");
  auto* data = geometry->add_option("--data", options->data, "Data directory, without a server")
                   ->check(CLI::ExistingDirectory);
  auto* url =
      geometry->add_option("--url", options->url, "Server, for example http://127.0.0.1:6333");
  data->excludes(url);
  geometry->add_option("--collection", options->collection)->required();
  geometry->add_option("--using", options->request.vector_name, "Named vector");
  geometry->add_option("--samples", options->request.samples, "Vectors to look at")
      ->check(CLI::Range(GeometryRequest::kFewestSamples, GeometryRequest::kMostSamples))
      ->capture_default_str();
  geometry->add_option("--seed", options->request.seed, "Of which these are")
      ->capture_default_str();
  geometry->add_option("--field", options->request.field, "Where in the payload the text is")
      ->capture_default_str();
  options->models.AddTo(*geometry, url);
  geometry->add_option("--api-key", options->api_key)->envname("VECNEST_API_KEY");
  geometry->add_flag("--json", options->json, "Print JSON");
  geometry->callback([options, data, url, &command] {
    if (data->empty() && url->empty()) throw CLI::RequiredError("--data or --url");
    command = [options] { return Geometry(*options); };
  });
}

}  // namespace vecnest::cli
