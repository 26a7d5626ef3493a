#include "index/file_io.h"

#include <fcntl.h>

#include <cerrno>
#include <string>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

TEST(FileIoTest, WritesAreReadBack) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
  const std::string text = "abcdef";
  const absl::Span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  ASSERT_TRUE(WriteAt(file, bytes, 2, path).ok());
  auto writable = Mapping::Write(file, 2, path);
  ASSERT_TRUE(writable.ok());
  writable->data()[0] = 'X';
  writable->data()[1] = 'Y';
  const auto mapping = Mapping::Read(path);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(std::string(mapping->bytes().begin(), mapping->bytes().end()), "XYabcdef");
  EXPECT_TRUE(SyncDirectory(directory.path()).ok());
}

TEST(FileIoTest, EmptyFileIsNoBytes) {
  const TemporaryDirectory directory;
  testing::WriteBytes(directory.path() + "/empty", "");
  const auto mapping = Mapping::Read(directory.path() + "/empty");
  ASSERT_TRUE(mapping.ok());
  EXPECT_TRUE(mapping->bytes().empty());
}

TEST(FileIoTest, MovedMappingIsUnmappedOnce) {
  const TemporaryDirectory directory;
  testing::WriteBytes(directory.path() + "/file", "abc");
  Mapping target;
  {
    auto mapping = Mapping::Read(directory.path() + "/file");
    ASSERT_TRUE(mapping.ok());
    target = *std::move(mapping);
  }
  EXPECT_EQ(target.bytes()[2], 'c');
}

TEST(FileIoTest, ErrorsNameThePath) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/missing";
  const absl::Status missing = Mapping::Read(path).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(std::string(missing.message()).find(path), std::string::npos);
  EXPECT_EQ(SyncDirectory(path).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FileError("write", path, ENOSPC).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(FileError("write", path, EIO).code(), absl::StatusCode::kInternal);
  const std::string text = "x";
  const absl::Span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), 1);
  EXPECT_FALSE(WriteAt(FileDescriptor(), bytes, 0, path).ok());
}

}  // namespace
}  // namespace vecnest::index
