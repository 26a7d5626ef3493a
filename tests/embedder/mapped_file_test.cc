#include "embedder/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

namespace vecnest::embedder {
namespace {

TEST(MappedFileTest, MapsBytes) {
  const std::string path = ::testing::TempDir() + "/mapped_file_test";
  std::ofstream(path) << "abc";
  const auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ((*file)->bytes().size(), 3u);
  EXPECT_EQ(std::memcmp((*file)->bytes().data(), "abc", 3), 0);
  EXPECT_EQ((*file)->path(), path);
}

TEST(MappedFileTest, EmptyMissingAndDirectory) {
  const std::string path = ::testing::TempDir() + "/mapped_file_test_empty";
  std::ofstream(path).flush();
  EXPECT_TRUE(MappedFile::Open(path).value()->bytes().empty());
  const auto missing = MappedFile::Open("/nowhere/file");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(missing.status().message(), ::testing::HasSubstr("/nowhere/file"));
  EXPECT_FALSE(MappedFile::Open(::testing::TempDir()).ok());
}

}  // namespace
}  // namespace vecnest::embedder
