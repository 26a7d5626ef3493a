// vecnest adapt: makes prefixes of a collection's vectors tell more.

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/cli/interrupt.h"
#include "net/cli/progress.h"
#include "net/codec_adapt.h"
#include "net/http_client.h"

namespace vecnest::cli {
namespace {

using engine::Json;

constexpr std::chrono::milliseconds kPause(200);
constexpr int kAttempts = 3;
constexpr double kHundredPercent = 100;

struct AdaptOptions {
  std::string data;
  std::string url;
  std::string api_key;
  std::string collection;
  std::string method = "prefixes";
  AdaptRequest request;
};

// Where the collection is: a server, or a data directory that this process opens.
class Target {
 public:
  virtual ~Target() = default;
  virtual absl::Status Start(const AdaptRequest& request) = 0;
  // As net::WriteAdaptJob gives it.
  virtual absl::StatusOr<Json> Job() = 0;
  virtual absl::Status Cancel() = 0;
};

class Server final : public Target {
 public:
  Server(std::unique_ptr<net::HttpClient> client, const std::string& collection)
      : client_(std::move(client)),
        path_(fmt::format("/collections/{}/adapt", net::EncodePathPart(collection))) {}

  absl::Status Start(const AdaptRequest& request) override {
    const Json body = net::WriteAdaptRequest(request);
    // Tried once: another job under way is no reason to wait for it.
    return client_->Call("POST", path_, &body, 1).status();
  }
  absl::StatusOr<Json> Job() override { return client_->Call("GET", path_, nullptr, kAttempts); }
  absl::Status Cancel() override {
    return client_->Call("DELETE", path_, nullptr, kAttempts).status();
  }

 private:
  const std::unique_ptr<net::HttpClient> client_;
  const std::string path_;
};

class Directory final : public Target {
 public:
  Directory(std::unique_ptr<Database> database, std::string collection)
      : database_(std::move(database)), collection_(std::move(collection)) {}

  absl::Status Start(const AdaptRequest& request) override {
    return database_->StartAdapting(collection_, request);
  }
  absl::StatusOr<Json> Job() override {
    auto job = database_->FindAdaptJob(collection_);
    if (!job.ok()) return job.status();
    return net::WriteAdaptJob(*job);
  }
  absl::Status Cancel() override { return database_->CancelAdapting(collection_).status(); }

 private:
  const std::unique_ptr<Database> database_;
  const std::string collection_;
};

absl::StatusOr<std::unique_ptr<Target>> OpenTarget(const AdaptOptions& options) {
  if (options.data.empty()) {
    auto client = net::HttpClient::Create(options.url, options.api_key);
    if (!client.ok()) return client.status();
    return std::make_unique<Server>(*std::move(client), options.collection);
  }
  // No text is encoded, so no model is loaded.
  DatabaseOptions database_options;
  database_options.directory = options.data;
  auto database = Database::Open(database_options);
  if (!database.ok()) return database.status();
  return std::make_unique<Directory>(*std::move(database), options.collection);
}

// Until the job has ended, in whatever way.
absl::StatusOr<Json> Await(Target& target) {
  std::string phase;
  std::unique_ptr<Progress> progress;
  bool cancelled = false;
  while (true) {
    auto job = target.Job();
    if (!job.ok()) return job;
    const auto now = job->value("phase", "");
    const bool running = now == "waiting" || now == "training" || now == "indexing";
    if (!running) return job;
    if (now != phase) {
      phase = now;
      progress = std::make_unique<Progress>(phase);
    }
    const auto done = static_cast<uint64_t>(job->value("progress", 0.0) * kHundredPercent);
    progress->Update(done, done);
    if (Interrupted() && !cancelled) {
      if (auto status = target.Cancel(); !status.ok()) return status;
      cancelled = true;
    }
    std::this_thread::sleep_for(kPause);
  }
}

absl::Status Adapt(AdaptOptions options) {
  auto method = ParseAdaptMethod(options.method);
  if (!method.ok()) return method.status();
  options.request.method = *method;
  auto target = OpenTarget(options);
  if (!target.ok()) return target.status();
  CatchInterrupts();
  if (auto status = (*target)->Start(options.request); !status.ok()) return status;
  auto job = Await(**target);
  if (!job.ok()) return job.status();
  const auto phase = job->value("phase", "");
  if (phase == "cancelled") return absl::CancelledError("cancelled; the collection is as it was");
  if (phase != "done") {
    return absl::InternalError(
        fmt::format("adapting {}: {}", phase, job->value("error", "the server was restarted")));
  }
  if (options.request.method == AdaptMethod::kNone) {
    fmt::print("collection '{}' has no adaptor; its vectors are indexed as they are stored\n",
               options.collection);
    return absl::OkStatus();
  }
  const auto made = job->value("made", "");
  fmt::print("collection '{}' adapted ({}) in {:.1f} s\n", options.collection, made,
             job->value("seconds", 0.0));
  if (made != options.method) {
    fmt::print("lengths of its vectors matter to its metric, so prefixes are not scaled\n");
  }
  return absl::OkStatus();
}

}  // namespace

void AddAdapt(CLI::App& app, Command& command) {
  auto options = std::make_shared<AdaptOptions>();
  CLI::App* adapt = app.add_subcommand(
      "adapt",
      "Learn from a collection's own vectors which map makes their prefixes tell more, and index "
      "them by it; stored vectors and answers at the full width stay as they are");
  auto* data = adapt->add_option("--data", options->data, "Data directory, without a server")
                   ->check(CLI::ExistingDirectory);
  auto* url = adapt->add_option("--url", options->url, "Server, for example http://127.0.0.1:6333");
  data->excludes(url);
  adapt->add_option("--collection", options->collection)->required();
  adapt->add_option("--using", options->request.vector_name, "Named vector");
  adapt
      ->add_option("--method", options->method,
                   "prefixes: rotation and scales, learned so that prefixes rank as whole vectors "
                   "do; rotation: of the second moment alone; none: take the adaptor off")
      ->capture_default_str();
  adapt
      ->add_option("--samples", options->request.samples,
                   "Vectors to learn from, at most; a collection needs 100")
      ->check(CLI::Range(AdaptRequest::kFewestSamples, AdaptRequest::kMostSamples))
      ->capture_default_str();
  adapt
      ->add_option("--seed", options->request.seed,
                   "The same vectors and seed give the same adaptor")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()))
      ->capture_default_str();
  adapt->add_option("--api-key", options->api_key)->envname("VECNEST_API_KEY");
  adapt->callback([options, data, url, &command] {
    if (data->empty() && url->empty()) throw CLI::RequiredError("--data or --url");
    command = [options] { return Adapt(*options); };
  });
}

}  // namespace vecnest::cli
