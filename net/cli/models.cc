#include "net/cli/commands.h"
#include "spdlog/spdlog.h"

namespace vecnest::cli {

absl::StatusOr<std::vector<std::string>> ChooseModels(const std::vector<std::string>& named,
                                                      bool required) {
  if (!named.empty()) return named;
  auto found = FindModel(kDefaultModel);
  if (found.ok()) return std::vector<std::string>{kDefaultModel};
  if (required) return found.status();
  spdlog::warn("no model: texts will be refused, vectors are fine. {}",
               std::string(found.status().message()));
  return std::vector<std::string>();
}

}  // namespace vecnest::cli
