// Where models are looked for.

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <vector>

#include "embedder/word_table.h"
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

// A directory of a model, or a table of words in a single file.
bool IsModel(const fs::path& path) {
  std::error_code error;
  if (embedder::IsWordTable(path.string()) && fs::is_regular_file(path, error)) return true;
  return fs::exists(path / "config.json", error) || fs::exists(path / "modules.json", error);
}

// The name that finds a model in its folder, which ModelInfo::name has too.
std::string NameOf(const fs::path& path) {
  std::error_code error;
  const bool file = embedder::IsWordTable(path.string()) && !fs::is_directory(path, error);
  return (file ? path.stem() : path.filename()).string();
}

}  // namespace

absl::StatusOr<std::string> FindModel(const std::string& name) {
  if (name.empty()) return absl::InvalidArgumentError("the model's name is empty");
  if (IsModel(name)) return name;
  std::string looked_at = name;
  // A name with a slash is a path, or "org/name" as model hubs write it.
  const std::string last = name.substr(name.find_last_of('/') + 1);
  for (const fs::path& place : Places()) {
    for (const char* ending : {"", ".txt", ".bin"}) {
      const fs::path path = place / (last + ending);
      if (IsModel(path)) return path.string();
    }
    looked_at += ", " + (place / last).string();
  }
  return absl::NotFoundError(
      fmt::format("model '{}' not found (looked at {}). `vecnest models fetch` or "
                  "scripts/fetch_model gets one, or "
                  "give the directory of a Hugging Face model or a table of words (.txt, .bin)",
                  name, looked_at));
}

std::vector<FoundModel> FindModels() {
  std::map<std::string, std::string> found;  // the first place wins, as in FindModel
  for (const fs::path& place : Places()) {
    std::error_code ignored;
    // Sorted as FindModel looks: a directory before a file of the same name, .txt before .bin.
    std::map<std::string, std::string> here;
    for (const auto& entry : fs::directory_iterator(place, ignored)) {
      if (!IsModel(entry.path())) continue;
      const auto [other, added] = here.try_emplace(NameOf(entry.path()), entry.path().string());
      const bool replaces = !fs::is_directory(other->second) &&
                            (fs::is_directory(entry.path()) || entry.path().extension() == ".txt");
      if (!added && replaces) other->second = entry.path().string();
    }
    found.merge(here);
  }
  std::vector<FoundModel> models;
  models.reserve(found.size());
  for (auto& [name, directory] : found) models.push_back({name, directory});
  return models;
}

}  // namespace vecnest
