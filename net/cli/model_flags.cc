#include <filesystem>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "net/cli/commands.h"
#include "spdlog/spdlog.h"

namespace vecnest::cli {

void ModelFlags::AddTo(CLI::App& command, CLI::Option* server) {
  command.add_option(
      "--model", models,
      "Model name, directory or table of words (.txt, .bin) for texts; the first is the "
      "default (repeatable)");
  const std::vector<CLI::Option*> local = {
      command
          .add_option("--precision", precision,
                      "Number format of the models: f32 is the reference, bf16 and int8 are "
                      "faster; auto: bf16 where the CPU has it, else f32")
          ->check(CLI::IsMember({"f32", "bf16", "int8", "auto"}))
          ->capture_default_str(),
      command
          .add_option("--cache-mb", cache_mb,
                      "Keep vectors of texts that were encoded lately, up to so many MiB; 0: none")
          ->check(CLI::Range(0, 1 << 20))
          ->capture_default_str(),
      command
          .add_option("--threads", threads,
                      "For encoding, and when serving for queries and writes; 0: one per core")
          ->check(CLI::Range(0, 1024))};
  if (server == nullptr) return;
  for (CLI::Option* option : local) option->excludes(server);
}

ModelLoadOptions ModelFlags::LoadOptions() const {
  return {.threads = threads,
          .precision = ParsePrecision(precision).value_or(FastestFaithfulPrecision()),
          .cache_bytes = static_cast<size_t>(cache_mb) << 20};
}

absl::StatusOr<std::vector<std::string>> ModelFlags::Choose(bool required) const {
  if (!models.empty()) return models;
  auto found = FindModel(kDefaultModel);
  if (found.ok()) return std::vector<std::string>{kDefaultModel};
  if (required) return found.status();
  spdlog::warn("no model: texts will be refused, vectors are fine. {}",
               std::string(found.status().message()));
  return std::vector<std::string>();
}

absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(const std::string& directory,
                                                       const ModelFlags& flags,
                                                       bool models_required, bool must_exist) {
  if (must_exist && !std::filesystem::exists(std::filesystem::path(directory) / "store")) {
    return absl::NotFoundError(fmt::format("{} is not a data directory of Vecnest", directory));
  }
  auto models = flags.Choose(models_required);
  if (!models.ok()) return models.status();
  DatabaseOptions options;
  options.directory = directory;
  options.models = *std::move(models);
  options.model_options = flags.LoadOptions();
  options.rest_seconds = 0;  // a command does what it was asked for
  return Database::Open(options);
}

}  // namespace vecnest::cli
