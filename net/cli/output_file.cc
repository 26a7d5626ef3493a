#include "net/cli/output_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

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

absl::Status WriteFile(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  std::ofstream file(part, std::ios::trunc);
  file << text;
  file.close();
  if (file && std::rename(part.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const absl::Status failed =
      absl::InternalError(fmt::format("writing {}: {}", path, std::strerror(errno)));
  unlink(part.c_str());
  return failed;
}

}  // namespace vecnest::cli
