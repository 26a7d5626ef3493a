#include "index/segment_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "fmt/format.h"
#include "index/file_io.h"

namespace vecnest::index {
namespace {

constexpr std::string_view kPrefix = "segment-";

}  // namespace

std::string SegmentFileName(uint64_t number) { return fmt::format("{}{:08}.vns", kPrefix, number); }

uint64_t SegmentFileNumber(std::string_view file) {
  uint64_t number = 0;
  if (file.rfind(kPrefix, 0) == 0) {
    file.remove_prefix(kPrefix.size());
    std::from_chars(file.data(), file.data() + file.size(), number);
  }
  return number;
}

absl::StatusOr<std::vector<std::string>> ListSegmentFiles(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.rfind(kPrefix, 0) == 0) files.push_back(std::move(name));
  }
  if (error) return FileError("list", directory, error.value());
  return files;
}

void RemoveAllBut(const std::string& directory, const std::vector<std::string>& files,
                  const std::vector<std::string>& kept) {
  for (const std::string& file : files) {
    if (std::find(kept.begin(), kept.end(), file) != kept.end()) continue;
    std::error_code ignored;
    std::filesystem::remove(fmt::format("{}/{}", directory, file), ignored);
  }
}

absl::Status CreateDirectory(const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::create_directories(directory, error)) {
    return error ? FileError("create", directory, error.value()) : absl::OkStatus();
  }
  return SyncDirectory(std::filesystem::absolute(directory).parent_path().string());
}

}  // namespace vecnest::index
