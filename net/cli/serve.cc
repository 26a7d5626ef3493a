// vecnest serve: a database over HTTP, until SIGTERM or SIGINT.

#include <charconv>
#include <memory>
#include <thread>
#include <utility>

#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/cli/interrupt.h"
#include "net/server.h"
#include "net/service.h"
#include "spdlog/spdlog.h"

namespace vecnest::cli {
namespace {

struct ServeOptions {
  std::string data;
  std::string listen = "127.0.0.1:6333";
  ModelFlags models;
  std::string api_key;
  uint64_t max_body_mb = 64;
  uint64_t max_bodies_mb = net::ServerOptions().held_body_bytes >> 20;
  int queue = net::ServerOptions().queue;
  bool salvage_log = false;
  double rest_seconds = DatabaseOptions().rest_seconds;
  std::string config;
};

// Requests of a kind that are run at a time, per thread of the encoder: those that wait for it
// share its passes.
constexpr int kRequestThreads = 8;

// Gives the options that were not named otherwise the values of a file. CLI11 reads such files for
// the program only, not for its subcommands. Throws CLI::ConfigError.
void ApplyConfig(CLI::App& command, const std::string& path) {
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_file(path)) {
    if (item.name == "++" || item.name == "--") continue;  // a section begins or ends
    const bool ours =
        item.parents.empty() || item.parents == std::vector<std::string>{command.get_name()};
    CLI::Option* option = ours ? command.get_option_no_throw("--" + item.name) : nullptr;
    if (option == nullptr || item.name == "config" || item.name == "help") {
      throw CLI::ConfigError(fmt::format("{}: '{}' is not an option of {}", path, item.fullname(),
                                         command.get_name()));
    }
    if (option->count() > 0) continue;
    for (const std::string& input : item.inputs) option->add_result(input);
    option->run_callback();
  }
}

absl::Status ParseListen(const std::string& text, net::ServerOptions& options) {
  const size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(begin, end, options.port);
  const bool parsed = colon != std::string::npos && !host.empty() && begin != end &&
                      result.ptr == end && result.ec == std::errc();
  if (!parsed) {
    return absl::InvalidArgumentError(
        fmt::format("--listen {}: expected HOST:PORT, for example 127.0.0.1:6333", text));
  }
  options.host = std::move(host);
  return absl::OkStatus();
}

void LogModels(const std::vector<ModelInfo>& models) {
  for (const ModelInfo& model : models) {
    spdlog::info(
        "model {}: identity {}, {}, {} dimensions, reads {} tokens, prefix of documents '{}', of "
        "queries '{}'",
        model.name, model.identity, PrecisionName(model.precision), model.dimensions,
        model.max_tokens, model.document_prefix, model.query_prefix);
  }
}

absl::Status Serve(const ServeOptions& options) {
  net::ServerOptions server_options;
  if (auto status = ParseListen(options.listen, server_options); !status.ok()) return status;
  auto models = options.models.Choose(/*required=*/false);
  if (!models.ok()) return models.status();
  const int threads = options.models.threads > 0
                          ? options.models.threads
                          : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  if (options.max_bodies_mb < options.max_body_mb) {
    spdlog::warn("--max-bodies-mb is {}, less than one body of --max-body-mb; {} is used",
                 options.max_bodies_mb, options.max_body_mb);
  }
  server_options.loops = threads;
  server_options.query_threads = kRequestThreads * threads;
  server_options.write_threads = kRequestThreads * threads;
  server_options.queue = options.queue;
  server_options.max_body_bytes = options.max_body_mb << 20;
  server_options.held_body_bytes = options.max_bodies_mb << 20;

  CatchInterrupts();
  net::Service service({options.api_key});
  net::Server server(server_options, service);
  if (auto status = server.Start(); !status.ok()) return status;
  spdlog::info("listening on http://{}:{}; loading {}", server_options.host, server.port(),
               options.data);

  DatabaseOptions database_options;
  database_options.directory = options.data;
  database_options.models = *models;
  database_options.salvage_log = options.salvage_log;
  database_options.rest_seconds = options.rest_seconds;
  database_options.model_options = options.models.LoadOptions();
  absl::Status loading;
  std::thread loader([&] {
    auto database = Database::Open(database_options);
    if (database.ok()) {
      LogModels((*database)->embedder().Models());
      spdlog::info("ready: {} collections, models: {}", (*database)->CollectionNames().size(),
                   fmt::join(*models, ", "));
      service.SetDatabase(*std::move(database));
      return;
    }
    // Nothing can be served: end as if told to.
    loading = database.status();
    service.SetFailure(loading);
    Interrupt();
  });
  WaitForInterrupt();  // a second signal ends the process at once
  spdlog::info("shutting down");
  loader.join();
  server.Stop();
  service.SetDatabase(nullptr);
  return loading;
}

}  // namespace

void AddServe(CLI::App& app, Command& command) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* serve = app.add_subcommand("serve", "Serve a data directory over HTTP");
  serve->footer(
      "Reading requests have 60 seconds, any request those of its ?timeout=; then they end with "
      "504. "
      "Requests that find no place are answered 429 with Retry-After. After SIGTERM requests have "
      "10 "
      "seconds to end.\nModels are looked for by name in $VECNEST_MODELS, beside the program in "
      "models/, and in ~/.cache/vecnest/models.");
  serve->add_option("--data", options->data, "Data directory, created when missing (required)");
  serve->add_option("--listen", options->listen, "Address and port")->capture_default_str();
  options->models.AddTo(*serve);
  serve
      ->add_option("--api-key", options->api_key,
                   "Key that requests must carry in 'api-key' or 'Authorization: Bearer'")
      ->envname("VECNEST_API_KEY");
  serve->add_option("--max-body-mb", options->max_body_mb, "Largest request body, MiB")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  serve
      ->add_option("--max-bodies-mb", options->max_bodies_mb,
                   "All request bodies in memory together, MiB, those up to 64 KiB aside; more get "
                   "429 before they are read")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  serve
      ->add_option("--queue", options->queue,
                   "Requests that may wait for a thread, of reads and of writes; more get 429")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  serve
      ->add_option("--rest-seconds", options->rest_seconds,
                   "A collection that hardly any vectors came to for so long is merged into one "
                   "graph, or few, in the background; queries are faster then. 0: never")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  serve->add_flag("--salvage-log", options->salvage_log,
                  "Open although the write-ahead log is damaged; what stands after it is lost");
  serve
      ->add_option("--config", options->config,
                   "File with any of these options as name = value lines, without the dashes; the "
                   "command line wins")
      ->check(CLI::ExistingFile);
  serve->callback([options, serve, &command] {
    if (!options->config.empty()) ApplyConfig(*serve, options->config);
    if (options->data.empty()) throw CLI::RequiredError("--data");
    command = [options] { return Serve(*options); };
  });
}

}  // namespace vecnest::cli
