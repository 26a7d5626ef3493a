#include "embedder/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "tests/temporary_directory.h"

namespace vecnest::embedder {
namespace {

TEST(MappedFileTest, MapsBytes) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/three_bytes";
  std::ofstream(path) << "abc";
  const auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ((*file)->bytes().size(), 3u);
  EXPECT_EQ(std::memcmp((*file)->bytes().data(), "abc", 3), 0);
  EXPECT_EQ((*file)->path(), path);
}

TEST(MappedFileTest, EmptyMissingAndDirectory) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/empty";
  std::ofstream(path).flush();
  EXPECT_TRUE(MappedFile::Open(path).value()->bytes().empty());
  const auto missing = MappedFile::Open("/nowhere/file");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(missing.status().message(), ::testing::HasSubstr("/nowhere/file"));
  EXPECT_FALSE(MappedFile::Open(directory.path()).ok());
}

}  // namespace
}  // namespace vecnest::embedder
