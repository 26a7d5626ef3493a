// The subcommands of the program; each adds itself to the app and runs when it is named.
#ifndef VECNEST_NET_CLI_COMMANDS_H_
#define VECNEST_NET_CLI_COMMANDS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vecnest/database.h"

namespace vecnest::cli {

inline constexpr const char* kDefaultModel = "all-MiniLM-L6-v2";

// Runs a command that was parsed; its error is printed and becomes the exit code.
using Command = std::function<absl::Status()>;

// Each registers one subcommand and sets `command` when it is the one that was named.
void AddServe(CLI::App& app, Command& command);
void AddEmbed(CLI::App& app, Command& command);
void AddImport(CLI::App& app, Command& command);
void AddSearch(CLI::App& app, Command& command);
void AddAdapt(CLI::App& app, Command& command);
void AddMineNegatives(CLI::App& app, Command& command);
void AddEval(CLI::App& app, Command& command);
void AddGeometry(CLI::App& app, Command& command);
void AddInspect(CLI::App& app, Command& command);
void AddVerify(CLI::App& app, Command& command);
void AddModels(CLI::App& app, Command& command);

// What the commands that load models have in common.
struct ModelFlags {
  std::vector<std::string> models;
  std::string precision = "f32";
  int threads = 0;
  int cache_mb = 64;

  // Registers --model, --precision, --cache-mb and --threads. All but the first are refused beside
  // `server`, the option that names one: it has loaded its models already.
  void AddTo(CLI::App& command, CLI::Option* server = nullptr);
  ModelLoadOptions LoadOptions() const;
  // The models to load: those named, or the default one when it is there. Without any, texts are
  // refused; `required` makes that an error.
  absl::StatusOr<std::vector<std::string>> Choose(bool required) const;
};

// Opens a data directory with the models of the flags. It is created when missing, or that is
// NotFound when it must exist.
absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(const std::string& directory,
                                                       const ModelFlags& flags,
                                                       bool models_required, bool must_exist);

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_COMMANDS_H_
