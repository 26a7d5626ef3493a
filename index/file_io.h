// The few file operations that segments need. Errors are Internal (or NotFound, ResourceExhausted
// for a full disk) and name the path.
#ifndef VECNEST_INDEX_FILE_IO_H_
#define VECNEST_INDEX_FILE_IO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace vecnest::index {

// What `errno` says about `what` on `path`.
absl::Status FileError(std::string_view what, const std::string& path, int error);

// A file descriptor that is closed with its owner.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }

 private:
  int fd_;
};

// Part of a file in memory, or memory of that kind, unmapped with its owner. Removing or renaming
// the file does not disturb a mapping.
class Mapping {
 public:
  // The whole file, read-only. NotFound when there is none.
  static absl::StatusOr<Mapping> Read(const std::string& path);
  // The first `size` bytes of an open file, shared and writable. The caller has allocated their
  // disk space: writing to a page without any would kill the process.
  static absl::StatusOr<Mapping> Write(const FileDescriptor& file, size_t size,
                                       const std::string& path);

  // `size` bytes of zeros that no file backs, in huge pages where the system has them: random
  // access to gigabytes costs a miss of the page tables each time otherwise. Null data when size is
  // 0.
  static absl::StatusOr<Mapping> Anonymous(size_t size);

  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  uint8_t* data() { return data_; }
  absl::Span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  Mapping(uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Writes all the bytes at `offset`.
absl::Status WriteAt(const FileDescriptor& file, absl::Span<const uint8_t> bytes, uint64_t offset,
                     const std::string& path);

// Makes renames, creations and removals inside a directory durable.
absl::Status SyncDirectory(const std::string& directory);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_FILE_IO_H_
