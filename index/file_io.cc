#include "index/file_io.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fmt/format.h"

namespace vecnest::index {

absl::Status FileError(std::string_view what, const std::string& path, int error) {
  const std::string message = fmt::format("cannot {} {}: {}", what, path, std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::InternalError(message);
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

absl::StatusOr<Mapping> Mapping::Read(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return FileError("open", path, errno);
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) return FileError("stat", path, errno);
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return Mapping();
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return FileError("map", path, errno);
  return Mapping(static_cast<uint8_t*>(data), size);
}

absl::StatusOr<Mapping> Mapping::Write(const FileDescriptor& file, size_t size,
                                       const std::string& path) {
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return FileError("map", path, errno);
  return Mapping(static_cast<uint8_t*>(data), size);
}

absl::StatusOr<Mapping> Mapping::Anonymous(size_t size) {
  constexpr size_t kHugePage = size_t{2} << 20;
  if (size == 0) return Mapping();
  const size_t reserved = size + kHugePage;
  void* const data =
      ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return absl::ResourceExhaustedError(fmt::format("no memory for {} bytes", size));
  }
  // Huge pages begin at multiples of their size; what lies around is given back.
  auto* const begin = static_cast<uint8_t*>(data);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(begin) % kHugePage) % kHugePage;
  constexpr size_t kPage = 4096;
  const size_t kept = (size + kPage - 1) / kPage * kPage;
  if (before > 0) ::munmap(begin, before);
  if (before + kept < reserved) ::munmap(begin + before + kept, reserved - before - kept);
  // Without huge pages it is slower, not wrong.
  (void)::madvise(begin + before, kept, MADV_HUGEPAGE);
  return Mapping(begin + before, size);
}

absl::Status WriteAt(const FileDescriptor& file, absl::Span<const uint8_t> bytes, uint64_t offset,
                     const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return FileError("write", path, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& directory) {
  const FileDescriptor file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0) return FileError("open", directory, errno);
  if (::fsync(file.get()) != 0) return FileError("sync", directory, errno);
  return absl::OkStatus();
}

}  // namespace vecnest::index
