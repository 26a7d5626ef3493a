#include "index/segment_writer.h"

#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

using testing::ReadBytes;

TEST(SegmentWriterTest, SameInputGivesTheSameBytes) {
  const TemporaryDirectory directory;
  const testing::Matrix vectors = testing::Clustered(1500, 20, 1);
  ASSERT_TRUE(WriteSegmentFile(directory.path(), "a", vectors).ok());
  ASSERT_TRUE(WriteSegmentFile(directory.path(), "b", vectors).ok());
  const std::string bytes = ReadBytes(directory.path() + "/a");
  EXPECT_GT(bytes.size(), 1500U * 32 * 4);
  EXPECT_EQ(bytes, ReadBytes(directory.path() + "/b"));
}

TEST(SegmentWriterTest, AbandonedFilesAreRemoved) {
  const TemporaryDirectory directory;
  {
    GraphParams params;
    params.dimensions = 4;
    auto writer = SegmentWriter::Create(directory.path(), "x", 2, params);
    ASSERT_TRUE(writer.ok());
    const float vector[4] = {1, 2, 3, 4};
    (*writer)->Append(1, {}, 0, 1, vector);
    EXPECT_FALSE((*writer)->Commit().ok());  // one row is missing
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(SegmentWriterTest, MissingDirectoryIsAnError) {
  GraphParams params;
  params.dimensions = 4;
  EXPECT_EQ(SegmentWriter::Create("/no/such/directory", "x", 1, params).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace vecnest::index
