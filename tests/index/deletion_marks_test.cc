#include "index/deletion_marks.h"

#include <string>

#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

TEST(DeletionMarksTest, ReadersSeeADeletionFromItsLabelOn) {
  DeletionMarks marks(10);
  EXPECT_TRUE(marks.Mark(3, 7));
  EXPECT_FALSE(marks.IsDeleted(3, 6));
  EXPECT_TRUE(marks.IsDeleted(3, 7));
  EXPECT_TRUE(marks.IsDeleted(3));
  EXPECT_FALSE(marks.IsDeleted(4));
  EXPECT_EQ(marks.DeletedAt(4), DeletionMarks::kNever);
}

TEST(DeletionMarksTest, FirstMarkStays) {
  DeletionMarks marks(2);
  EXPECT_TRUE(marks.Mark(0, 5));
  EXPECT_FALSE(marks.Mark(0, 9));
  EXPECT_EQ(marks.DeletedAt(0), 5U);
  EXPECT_EQ(marks.count(), 1U);
}

TEST(DeletionMarksTest, SerializedMarksComeBack) {
  DeletionMarks marks(70000);
  for (size_t row = 0; row < 70000; row += 7) marks.Mark(row, 1);
  DeletionMarks copy(70000);
  ASSERT_TRUE(copy.MarkSerialized(marks.Serialize()).ok());
  EXPECT_EQ(copy.count(), marks.count());
  for (size_t row = 0; row < 70000; ++row) EXPECT_EQ(copy.IsDeleted(row, 0), row % 7 == 0);
}

TEST(DeletionMarksTest, NoMarksAreNoBytes) {
  EXPECT_EQ(DeletionMarks(5).Serialize(), "");
  DeletionMarks marks(5);
  EXPECT_TRUE(marks.MarkSerialized("").ok());
  EXPECT_EQ(marks.count(), 0U);
}

TEST(DeletionMarksTest, DamagedBitmapsAreRefused) {
  DeletionMarks marks(10);
  marks.Mark(9, 1);
  const std::string bytes = marks.Serialize();
  DeletionMarks smaller(9);
  EXPECT_EQ(smaller.MarkSerialized(bytes).code(), absl::StatusCode::kDataLoss);
  for (size_t size = 1; size < bytes.size(); ++size) {
    DeletionMarks target(10);
    EXPECT_FALSE(target.MarkSerialized(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DeletionMarks(10).MarkSerialized("no bitmap at all").ok());
}

}  // namespace
}  // namespace vecnest::index
