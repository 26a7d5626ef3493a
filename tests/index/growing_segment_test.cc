#include "index/growing_segment.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

TEST(GrowingSegmentTest, RowsComeBackAcrossChunks) {
  constexpr size_t kCount = 2000;
  GrowingSegment segment(5);
  for (size_t i = 0; i < kCount; ++i) {
    const auto value = static_cast<float>(i);
    segment.Append(10 + 2 * i, testing::KeyOf(i), static_cast<PointNumber>(i), {value, 1, 2, 3, 4},
                   0.5F);
  }
  EXPECT_EQ(segment.count(), kCount);
  size_t i = 0;
  VectorBuffer buffer;
  for (const Rows& rows : segment.Blocks()) {
    EXPECT_EQ(rows.stride, 16U);
    for (size_t row = 0; row < rows.count; ++row, ++i) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(rows.Vector(row, buffer)) % 64, 0U);
      EXPECT_EQ(rows.labels[row], 10 + 2 * i);
      EXPECT_EQ(Load(rows.keys[row]), testing::KeyOf(i));
      EXPECT_EQ(rows.numbers[row], i);
      EXPECT_EQ(rows.Vector(row, buffer)[0], static_cast<float>(i));
      EXPECT_EQ(rows.Vector(row, buffer)[15], 0.0F);
      EXPECT_EQ(rows.Find(10 + 2 * i), row);
      EXPECT_EQ(rows.Find(11 + 2 * i), std::nullopt);
    }
  }
  EXPECT_EQ(i, kCount);
  EXPECT_GE(segment.memory_bytes(), kCount * 16 * sizeof(float));
}

TEST(GrowingSegmentTest, ViewsAreCutAtALabel) {
  GrowingSegment segment(1);
  for (Label label = 2; label <= 20; label += 2) segment.Append(label, {}, 0, {1}, 1);
  const Rows rows = segment.Blocks().front();
  EXPECT_EQ(rows.Until(1).count, 0U);
  EXPECT_EQ(rows.Until(7).count, 3U);
  EXPECT_EQ(rows.Until(8).count, 4U);
  EXPECT_EQ(rows.Until(100).count, 10U);
}

TEST(GrowingSegmentTest, ReadersSeeOnlyWholeRows) {
  GrowingSegment segment(3);
  std::atomic<bool> done = false;
  std::thread reader([&] {
    VectorBuffer buffer;
    while (!done) {
      for (const Rows& rows : segment.Blocks()) {
        for (size_t row = 0; row < rows.count; ++row) {
          ASSERT_EQ(rows.Vector(row, buffer)[2], static_cast<float>(rows.labels[row]));
        }
      }
    }
  });
  for (Label label = 1; label <= 5000; ++label) {
    const auto value = static_cast<float>(label);
    segment.Append(label, {}, 0, {value, value, value}, 1);
  }
  done = true;
  reader.join();
}

}  // namespace
}  // namespace vecnest::index
