// A file mapped for reading.
#ifndef VECNEST_EMBEDDER_MAPPED_FILE_H_
#define VECNEST_EMBEDDER_MAPPED_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace vecnest::embedder {

// Owns the mapping; unmapped when the last holder goes. The file must not be shortened while it
// is mapped: reading behind its new end kills the process.
class MappedFile {
 public:
  // NotFound, PermissionDenied or another status that names the path and the system's reason.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::Span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::string path_;
  const std::byte* data_;
  size_t size_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_MAPPED_FILE_H_
