// vecnest search: a question, its answers.

#include <memory>
#include <utility>

#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/codec_filter.h"
#include "net/codec_query.h"
#include "net/http_client.h"

namespace vecnest::cli {
namespace {

using engine::Json;

// Somebody is waiting: a server that is not there is said to be so soon.
constexpr int kSearchAttempts = 3;

struct SearchOptions {
  std::string data;
  std::string url;
  std::string api_key;
  std::string collection;
  std::string text;
  std::string filter;
  std::string metric;
  std::string vector_name;
  ModelFlags models;
  int dimensions = 0;
  size_t limit = 10;
  bool exact = false;
  bool explain = false;
  bool json = false;
};

// The query in the dialect's own form: what the server reads, and what the library is given.
absl::StatusOr<Json> ToBody(const SearchOptions& options) {
  Json body = {{"query", {{"text", options.text}}},
               {"limit", options.limit},
               {"with_payload", true},
               {"params", {{"exact", options.exact}, {"explain", options.explain}}}};
  if (!options.vector_name.empty()) body["using"] = options.vector_name;
  if (options.dimensions > 0) body["params"]["dimensions"] = options.dimensions;
  if (!options.metric.empty()) body["params"]["metric"] = options.metric;
  if (!options.filter.empty()) {
    auto filter = engine::ParseJsonObject(options.filter, "--filter");
    if (!filter.ok()) return filter.status();
    body["filter"] = *std::move(filter);
  }
  return body;
}

absl::StatusOr<Json> SearchServer(const SearchOptions& options, const Json& body) {
  auto client = net::HttpClient::Create(options.url, options.api_key);
  if (!client.ok()) return client.status();
  return (*client)->Call(
      "POST", fmt::format("/collections/{}/points/query", net::EncodePathPart(options.collection)),
      &body, kSearchAttempts);
}

absl::StatusOr<Json> SearchDirectory(const SearchOptions& options, const Json& body) {
  absl::Status status;
  const Query query = net::ReadQuery(body, "", status);
  if (!status.ok()) return status;
  auto database =
      OpenDatabase(options.data, options.models, /*models_required=*/true, /*must_exist=*/true);
  if (!database.ok()) return database.status();
  auto answer = (*database)->Search(options.collection, query);
  if (!answer.ok()) return answer.status();
  // What a server sends, read as from a server.
  std::string text;
  net::AppendAnswer(*answer, {}, text);
  return Json::parse(text);
}

// What the answers are about is not all that was asked.
void WarnIfCut(const Json& answer) {
  const Json text = answer.value("text", Json::object());
  if (!text.value("truncated", false)) return;
  fmt::print(stderr, "the question was cut to the {} tokens that {} reads\n",
             text.value("max_tokens", 0), text.value("model", ""));
}

void Print(const Json& answer) {
  int rank = 0;
  for (const Json& point : answer["points"]) {
    Json payload = point.value("payload", Json::object());
    fmt::print("{:3}. {:.4f}  {}", ++rank, point["score"].get<float>(), point["id"].dump());
    if (payload.contains("text") && payload["text"].is_string()) {
      fmt::print("  {}", payload["text"].get<std::string>());
      payload.erase("text");
    }
    fmt::print("\n");
    if (!payload.empty()) fmt::print("     {}\n", payload.dump());
  }
  if (rank == 0) fmt::print("no answer\n");
  if (answer.contains("plan")) fmt::print("{}\n", answer["plan"].dump(2));
}

absl::Status Search(const SearchOptions& options) {
  auto body = ToBody(options);
  if (!body.ok()) return body.status();
  auto answer =
      options.data.empty() ? SearchServer(options, *body) : SearchDirectory(options, *body);
  if (!answer.ok()) return answer.status();
  WarnIfCut(*answer);
  if (options.json) {
    fmt::print("{}\n", answer->dump());
  } else {
    Print(*answer);
  }
  return absl::OkStatus();
}

}  // namespace

void AddSearch(CLI::App& app, Command& command) {
  auto options = std::make_shared<SearchOptions>();
  CLI::App* search = app.add_subcommand("search", "Find the points nearest in meaning to a text");
  auto* data = search->add_option("--data", options->data, "Data directory, without a server")
                   ->check(CLI::ExistingDirectory);
  auto* url =
      search->add_option("--url", options->url, "Server, for example http://127.0.0.1:6333");
  data->excludes(url);
  search->add_option("--collection", options->collection)->required();
  search->add_option("text", options->text, "The question")->required();
  search->add_option("--limit", options->limit)->capture_default_str();
  search->add_option("--dimensions", options->dimensions, "Compare so many dimensions; 0: all")
      ->check(CLI::NonNegativeNumber);
  search->add_option("--metric", options->metric, "Cosine, Dot, Euclid or Manhattan");
  search->add_option("--filter", options->filter, "Conditions on the payload, JSON");
  search->add_option("--using", options->vector_name, "Named vector");
  options->models.AddTo(*search, url);
  search->add_option("--api-key", options->api_key)->envname("VECNEST_API_KEY");
  search->add_flag("--exact", options->exact, "Look at every vector");
  search->add_flag("--explain", options->explain, "Show how the answer was found");
  search->add_flag("--json", options->json, "Print JSON");
  search->callback([options, data, url, &command] {
    if (data->empty() && url->empty()) throw CLI::RequiredError("--data or --url");
    command = [options] { return Search(*options); };
  });
}

}  // namespace vecnest::cli
