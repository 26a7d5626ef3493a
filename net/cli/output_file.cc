#include "net/cli/output_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "fmt/format.h"

namespace vecnest::cli {

absl::Status CheckOutput(const std::string& path, std::string_view option) {
  if (path.empty()) return absl::OkStatus();
  const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
  if (std::filesystem::is_directory(path)) {
    return absl::InvalidArgumentError(fmt::format("{} {} is a folder", option, path));
  }
  if (access(parent.c_str(), W_OK) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{} {}: cannot write into {}: {}", option, path,
                                                parent.string(), std::strerror(errno)));
}

absl::StatusOr<std::string> ReplacedFile(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_regular_file(path, error)) return fs::canonical(path, error).string();
  if (!fs::exists(fs::symlink_status(path, error))) return path;
  return absl::InvalidArgumentError(fmt::format("{} is no file that could be replaced", path));
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  const auto replaced = ReplacedFile(path);
  // A pipe or a device is written to; it cannot be replaced.
  const std::string part = replaced.ok() ? *replaced + ".part" : path;
  std::ofstream file(part, std::ios::trunc);
  file << text;
  file.close();
  if (file && (!replaced.ok() || std::rename(part.c_str(), replaced->c_str()) == 0)) {
    return absl::OkStatus();
  }
  const absl::Status failed =
      absl::InternalError(fmt::format("writing {}: {}", path, std::strerror(errno)));
  if (replaced.ok()) unlink(part.c_str());
  return failed;
}

}  // namespace vecnest::cli
