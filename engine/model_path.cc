// Where models are looked for.

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <vector>

#include "fmt/format.h"
#include "vecnest/database.h"

namespace vecnest {
namespace {

namespace fs = std::filesystem;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<fs::path> Places() {
  std::vector<fs::path> places;
  if (const auto models = Environment("VECNEST_MODELS"); !models.empty()) {
    places.emplace_back(models);
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) places.push_back(program.parent_path() / "models");
  if (const auto cache = Environment("XDG_CACHE_HOME"); !cache.empty()) {
    places.push_back(fs::path(cache) / "vecnest" / "models");
  } else if (const auto home = Environment("HOME"); !home.empty()) {
    places.push_back(fs::path(home) / ".cache" / "vecnest" / "models");
  }
  return places;
}

bool IsModel(const fs::path& directory) {
  std::error_code error;
  return fs::exists(directory / "config.json", error);
}

}  // namespace

absl::StatusOr<std::string> FindModel(const std::string& name) {
  if (name.empty()) return absl::InvalidArgumentError("the model's name is empty");
  if (IsModel(name)) return name;
  std::string looked_at = name;
  // A name with a slash is a path, or "org/name" as model hubs write it.
  const std::string last = name.substr(name.find_last_of('/') + 1);
  for (const fs::path& place : Places()) {
    if (IsModel(place / last)) return (place / last).string();
    looked_at += ", " + (place / last).string();
  }
  return absl::NotFoundError(
      fmt::format("model '{}' not found (looked at {}). `vecnest models fetch` or "
                  "scripts/fetch_model gets one, or "
                  "give the directory of a Hugging Face model",
                  name, looked_at));
}

std::vector<FoundModel> FindModels() {
  std::map<std::string, std::string> found;  // the first place wins, as in FindModel
  for (const fs::path& place : Places()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(place, ignored)) {
      if (IsModel(entry.path())) {
        found.emplace(entry.path().filename().string(), entry.path().string());
      }
    }
  }
  std::vector<FoundModel> models;
  models.reserve(found.size());
  for (auto& [name, directory] : found) models.push_back({name, directory});
  return models;
}

}  // namespace vecnest
