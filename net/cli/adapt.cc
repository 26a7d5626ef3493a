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
#include "net/cli/mining.h"
#include "net/cli/output_file.h"
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
  std::string method;  // empty: pairs where there are some, else prefixes
  std::string pairs;
  std::string from;       // an adaptor's file, which is taken instead of learning one
  std::string export_to;  // a file for the adaptor that there is; nothing else is done
  int rounds = 0;         // of mining and learning; 0: pairs are taken as they are
  ModelFlags models;
  MiningFlags mining;
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
  // The file of the adaptor that there is.
  virtual absl::StatusOr<std::string> ReadAdaptor() = 0;
  // What negatives of its pairs are mined from.
  virtual absl::StatusOr<std::unique_ptr<MiningSource>> Texts() = 0;
};

class Server final : public Target {
 public:
  Server(std::unique_ptr<net::HttpClient> client, const AdaptOptions& options)
      : client_(std::move(client)),
        path_(fmt::format("/collections/{}/adapt", net::EncodePathPart(options.collection))),
        adaptor_path_(fmt::format("/collections/{}/adaptor?vector={}",
                                  net::EncodePathPart(options.collection),
                                  net::EncodePathPart(options.request.vector_name))),
        options_(options) {}

  absl::Status Start(const AdaptRequest& request) override {
    if (request.method == AdaptMethod::kGiven) {
      return client_->CallWithBytes("PUT", adaptor_path_, request.adaptor).status();
    }
    const Json body = net::WriteAdaptRequest(request);
    // Tried once: another job under way is no reason to wait for it.
    return client_->Call("POST", path_, &body, 1).status();
  }
  absl::StatusOr<Json> Job() override { return client_->Call("GET", path_, nullptr, kAttempts); }
  absl::Status Cancel() override {
    return client_->Call("DELETE", path_, nullptr, kAttempts).status();
  }
  absl::StatusOr<std::string> ReadAdaptor() override {
    return client_->CallWithBytes("GET", adaptor_path_, "");
  }
  absl::StatusOr<std::unique_ptr<MiningSource>> Texts() override {
    return ServerTexts(options_.url, options_.api_key, options_.collection, options_.mining.field,
                       options_.request.vector_name, options_.mining.dimensions);
  }

 private:
  const std::unique_ptr<net::HttpClient> client_;
  const std::string path_;
  const std::string adaptor_path_;
  const AdaptOptions& options_;
};

class Directory final : public Target {
 public:
  Directory(std::unique_ptr<Database> database, const AdaptOptions& options)
      : database_(std::move(database)), options_(options) {}

  absl::Status Start(const AdaptRequest& request) override {
    return database_->StartAdapting(options_.collection, request);
  }
  absl::StatusOr<Json> Job() override {
    auto job = database_->FindAdaptJob(options_.collection);
    if (!job.ok()) return job.status();
    return net::WriteAdaptJob(*job);
  }
  absl::Status Cancel() override { return database_->CancelAdapting(options_.collection).status(); }
  absl::StatusOr<std::string> ReadAdaptor() override {
    return database_->ReadAdaptor(options_.collection, options_.request.vector_name);
  }
  absl::StatusOr<std::unique_ptr<MiningSource>> Texts() override {
    return CollectionTexts(*database_, options_.collection, options_.mining.field,
                           options_.request.vector_name, options_.mining.dimensions);
  }

 private:
  const std::unique_ptr<Database> database_;
  const AdaptOptions& options_;
};

absl::StatusOr<std::unique_ptr<Target>> OpenTarget(const AdaptOptions& options) {
  if (options.data.empty()) {
    auto client = net::HttpClient::Create(options.url, options.api_key);
    if (!client.ok()) return client.status();
    return std::make_unique<Server>(*std::move(client), options);
  }
  absl::StatusOr<std::unique_ptr<Database>> database;
  if (options.pairs.empty()) {
    // No text is encoded, so no model is loaded.
    DatabaseOptions database_options;
    database_options.directory = options.data;
    database_options.rest_seconds = 0;
    database = Database::Open(database_options);
  } else {
    database =
        OpenDatabase(options.data, options.models, /*models_required=*/true, /*must_exist=*/true);
  }
  if (!database.ok()) return database.status();
  return std::make_unique<Directory>(*std::move(database), options);
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
    const bool running =
        now == "waiting" || now == "encoding" || now == "training" || now == "indexing";
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

// One job, to its end.
absl::Status Run(Target& target, const AdaptRequest& request, const std::string& collection) {
  if (auto status = target.Start(request); !status.ok()) return status;
  auto job = Await(target);
  if (!job.ok()) return job.status();
  const auto phase = job->value("phase", "");
  if (phase == "cancelled") return absl::CancelledError("cancelled; the collection is as it was");
  if (phase != "done") {
    return absl::InternalError(
        fmt::format("adapting {}: {}", phase, job->value("error", "the server was restarted")));
  }
  if (request.method == AdaptMethod::kNone) {
    fmt::print("collection '{}' has no adaptor; its vectors are indexed as they are stored\n",
               collection);
    return absl::OkStatus();
  }
  const auto made = job->value("made", "");
  fmt::print("collection '{}' adapted ({}) in {:.1f} s\n", collection, made,
             job->value("seconds", 0.0));
  if (request.method != AdaptMethod::kGiven && made != AdaptMethodName(request.method)) {
    fmt::print("lengths of its vectors matter to its metric, so prefixes are not scaled\n");
  }
  return absl::OkStatus();
}

// Learns from pairs whose documents are the collection's, or texts of their own.
absl::Status RunOnPairs(Target& target, const AdaptOptions& options,
                        const std::vector<MinedPair>& pairs) {
  auto source = target.Texts();
  if (!source.ok()) return source.status();
  auto adapted = ToAdaptPairs(**source, pairs);
  if (!adapted.ok()) return adapted.status();
  AdaptRequest request = options.request;
  request.pairs = *std::move(adapted);
  return Run(target, request, options.collection);
}

// Mines by what the round before has learned, and learns from what was mined.
absl::Status RunRounds(Target& target, const AdaptOptions& options,
                       const std::vector<MinedPair>& pairs) {
  for (int round = 1; round <= options.rounds; ++round) {
    fmt::print(stderr, "round {} of {}\n", round, options.rounds);
    auto source = target.Texts();
    if (!source.ok()) return source.status();
    auto mined = Mine(**source, WithoutNegatives(pairs), options.mining);
    if (!mined.ok()) return mined.status();
    auto status = RunOnPairs(target, options, *mined);
    if (absl::IsCancelled(status) && round > 1) {
      return absl::CancelledError(
          fmt::format("cancelled; the collection has what round {} has learned", round - 1));
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Export(const AdaptOptions& options) {
  if (auto status = CheckOutput(options.export_to, "--export"); !status.ok()) return status;
  auto target = OpenTarget(options);
  if (!target.ok()) return target.status();
  auto bytes = (*target)->ReadAdaptor();
  if (!bytes.ok()) return bytes.status();
  if (auto status = WriteFile(options.export_to, *bytes); !status.ok()) return status;
  fmt::print("{}\n", options.export_to);
  return absl::OkStatus();
}

// What was asked for, as far as it is not said by the options of one thing alone.
absl::StatusOr<AdaptMethod> MethodOf(const AdaptOptions& options) {
  if (options.method.empty()) {
    if (!options.from.empty()) return AdaptMethod::kGiven;
    return options.pairs.empty() ? AdaptMethod::kPrefixes : AdaptMethod::kPairs;
  }
  auto method = ParseAdaptMethod(options.method);
  if (method.ok() && (*method == AdaptMethod::kGiven) == options.from.empty()) {
    return absl::InvalidArgumentError("--method given and --from FILE go together");
  }
  return method;
}

absl::Status Adapt(AdaptOptions options) {
  if (!options.export_to.empty()) return Export(options);
  auto method = MethodOf(options);
  if (!method.ok()) return method.status();
  if ((*method == AdaptMethod::kPairs) == options.pairs.empty()) {
    return absl::InvalidArgumentError("--method pairs and --pairs FILE go together");
  }
  if (options.rounds > 0 && options.pairs.empty()) {
    return absl::InvalidArgumentError("--rounds mines negatives for the pairs of --pairs FILE");
  }
  options.request.method = *method;
  if (!options.from.empty()) {
    auto adaptor = Adaptor::Load(options.from);
    if (!adaptor.ok()) return adaptor.status();
    options.request.adaptor = (*adaptor)->Encode();
  }
  std::vector<MinedPair> pairs;
  if (!options.pairs.empty()) {
    auto read = ReadPairFile(options.pairs);
    if (!read.ok()) return read.status();
    pairs = *std::move(read);
  }
  auto target = OpenTarget(options);
  if (!target.ok()) return target.status();
  CatchInterrupts();
  if (options.rounds > 0) return RunRounds(**target, options, pairs);
  if (!pairs.empty()) return RunOnPairs(**target, options, pairs);
  return Run(**target, options.request, options.collection);
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
  adapt->add_option("--method", options->method,
                    "prefixes: rotation and scales, learned so that prefixes rank as whole vectors "
                    "do (the default); rotation: of the second moment alone; pairs: as prefixes, "
                    "learned from questions and answers (the default with --pairs); given: as it "
                    "is in a file (the default with --from); none: take the adaptor off");
  auto* from =
      adapt
          ->add_option("--from", options->from,
                       "Take the adaptor of this file, which --export wrote, instead of learning "
                       "one; the collection may be empty")
          ->check(CLI::ExistingFile);
  auto* export_to = adapt->add_option(
      "--export", options->export_to,
      "Write the adaptor that the collection has to this file (safetensors), and do nothing else");
  export_to->check([](const std::string& path) {
    return path.empty() ? std::string("a file's name is missing") : std::string();
  });
  adapt
      ->add_option(
          "--pairs", options->pairs,
          R"(JSON lines {"query": "...", "positive": "...", "negative_1": "..."...}, such )"
          "as mine-negatives writes")
      ->check(CLI::ExistingFile);
  adapt
      ->add_option("--rounds", options->rounds,
                   "Mine negatives by the collection as it is, learn from them, and again, so many "
                   "times; 0: pairs are taken as they are in the file")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  adapt
      ->add_option(
          "--temperature", options->request.temperature,
          "How much nearer a vector must be to count more; smaller: the nearest count most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  adapt->add_option("--steps", options->request.steps, "Of learning")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  adapt
      ->add_option("--widths", options->request.widths,
                   "Prefixes that shall be of use; else 32, 64, 96, 128, 192...")
      ->delimiter(',');
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
  options->mining.AddTo(*adapt);
  options->models.AddTo(*adapt, url);
  // Each of the two is done by itself.
  for (CLI::Option* option : adapt->get_options()) {
    const std::string name = option->get_name();
    const bool says_where =
        name == "--data" || name == "--url" || name == "--collection" || name == "--using";
    if (says_where || option == from || option == export_to || name == "--help") continue;
    export_to->excludes(option);
    if (name != "--method") from->excludes(option);
  }
  from->excludes(export_to);
  adapt->add_option("--api-key", options->api_key)->envname("VECNEST_API_KEY");
  adapt->callback([options, data, url, &command] {
    if (data->empty() && url->empty()) throw CLI::RequiredError("--data or --url");
    command = [options] { return Adapt(*options); };
  });
}

}  // namespace vecnest::cli
