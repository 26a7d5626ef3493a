// vecnest serve: a database over HTTP, until SIGTERM or SIGINT.

#include <charconv>
#include <csignal>
#include <memory>
#include <thread>
#include <utility>

#include "boost/asio/io_context.hpp"
#include "boost/asio/signal_set.hpp"
#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/server.h"
#include "net/service.h"
#include "spdlog/spdlog.h"

namespace vecnest::cli {
namespace {

struct ServeOptions {
  std::string data;
  std::string listen = "127.0.0.1:6333";
  std::vector<std::string> models;
  std::string api_key;
  int threads = 0;
  uint64_t max_body_mb = 64;
  bool salvage_log = false;
};

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

absl::Status Serve(const ServeOptions& options) {
  net::ServerOptions server_options;
  if (auto status = ParseListen(options.listen, server_options); !status.ok()) return status;
  auto models = ChooseModels(options.models, /*required=*/false);
  if (!models.ok()) return models.status();
  const int threads = options.threads > 0
                          ? options.threads
                          : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  server_options.query_threads = threads;
  server_options.write_threads = threads;
  server_options.max_body_bytes = options.max_body_mb << 20;

  boost::asio::io_context signals_io;
  boost::asio::signal_set signals(signals_io, SIGINT, SIGTERM);
  net::Service service({options.api_key});
  net::Server server(server_options, service);
  if (auto status = server.Start(); !status.ok()) return status;
  spdlog::info("listening on http://{}:{}; loading {}", server_options.host, server.port(),
               options.data);

  DatabaseOptions database_options;
  database_options.directory = options.data;
  database_options.models = *models;
  database_options.salvage_log = options.salvage_log;
  database_options.threads = threads;
  absl::Status loading;
  std::thread loader([&] {
    auto database = Database::Open(database_options);
    if (database.ok()) {
      spdlog::info("ready: {} collections, models: {}", (*database)->CollectionNames().size(),
                   fmt::join(*models, ", "));
      service.SetDatabase(*std::move(database));
      return;
    }
    // Nothing can be served: end as if told to.
    loading = database.status();
    service.SetFailure(loading);
    std::raise(SIGTERM);
  });
  signals.async_wait([](const boost::system::error_code&, int) {});
  signals_io.run();
  signals.clear();  // a second signal ends the process at once
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
  serve->add_option("--data", options->data, "Data directory, created when missing")->required();
  serve->add_option("--listen", options->listen, "Address and port")->capture_default_str();
  serve->add_option("--model", options->models,
                    "Model name or directory; the first is the default (repeatable)");
  serve
      ->add_option("--api-key", options->api_key,
                   "Key that requests must carry in 'api-key' or 'Authorization: Bearer'")
      ->envname("VECNEST_API_KEY");
  serve->add_option("--threads", options->threads,
                    "Threads for encoding, queries and writes each; "
                    "0: one per core");
  serve->add_option("--max-body-mb", options->max_body_mb, "Largest request body, MiB")
      ->capture_default_str();
  serve->add_flag("--salvage-log", options->salvage_log,
                  "Open although the write-ahead log is damaged; what stands after it is lost");
  serve->set_config("--config", "", "File with any of these options as name = value lines");
  serve->callback([options, &command] { command = [options] { return Serve(*options); }; });
}

}  // namespace vecnest::cli
