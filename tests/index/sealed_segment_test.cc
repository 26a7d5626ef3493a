#include "index/sealed_segment.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

TEST(SealedSegmentTest, OpensWhatWasWritten) {
  const TemporaryDirectory directory;
  const testing::Matrix vectors = testing::Clustered(100, 24, 1);
  ASSERT_TRUE(WriteSegmentFile(directory.path(), "a", vectors).ok());
  const auto segment = SealedSegment::Open(directory.path(), "a", 24);
  ASSERT_TRUE(segment.ok()) << segment.status();
  EXPECT_EQ((*segment)->min_label(), 1U);
  EXPECT_EQ((*segment)->max_label(), 100U);
  const Rows rows = (*segment)->rows();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(rows.vectors) % 64, 0U);
  VectorBuffer buffer;
  for (size_t row = 0; row < 100; ++row) {
    EXPECT_EQ(absl::MakeConstSpan(rows.Vector(row, buffer), 24), vectors.Row(row));
    EXPECT_EQ(Load(rows.keys[row]), testing::KeyOf(row + 1));
  }
  EXPECT_TRUE((*segment)->Verify(directory.path()).ok());
}

TEST(SealedSegmentTest, SaysWhatIsWrong) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(WriteSegmentFile(directory.path(), "a", testing::Clustered(100, 24, 1)).ok());
  EXPECT_EQ(SealedSegment::Open(directory.path(), "a", 25).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(SealedSegment::Open(directory.path(), "b", 24).status().code(),
            absl::StatusCode::kNotFound);
  const auto segment = SealedSegment::Open(directory.path(), "a", 24);
  ASSERT_TRUE(segment.ok());
  std::string bytes = testing::ReadBytes(directory.path() + "/a");
  bytes[bytes.size() / 2] ^= 1;
  testing::WriteBytes(directory.path() + "/c", bytes);
  EXPECT_EQ(SealedSegment::Open(directory.path(), "c", 24).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace vecnest::index
