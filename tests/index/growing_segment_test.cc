#include "index/growing_segment.h"

#include <atomic>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

void Fill(GrowingSegment& segment, const testing::Matrix& points) {
  for (size_t row = 0; row < points.count(); ++row) {
    segment.Append(row + 1, {}, 0, points.Row(row), InverseNorm(points.Row(row)));
  }
}

TEST(GrowingSegmentTest, RowsComeBackAcrossChunks) {
  constexpr size_t kCount = 2000;
  GrowingSegment segment(5, Metric::kCosine);
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
  GrowingSegment segment(1, Metric::kCosine);
  for (Label label = 2; label <= 20; label += 2) segment.Append(label, {}, 0, {1}, 1);
  const Rows rows = segment.Blocks().front();
  EXPECT_EQ(rows.Until(1).count, 0U);
  EXPECT_EQ(rows.Until(7).count, 3U);
  EXPECT_EQ(rows.Until(8).count, 4U);
  EXPECT_EQ(rows.Until(100).count, 10U);
}

// Rows of `width` equal components, which go up to `period` and begin anew.
void ReadWhileRowsAreAdded(size_t width, Label period) {
  const auto value_of = [period](Label label) { return static_cast<float>(label % period + 1); };
  GrowingSegment segment(width, Metric::kCosine);
  std::atomic<bool> done = false;
  std::thread reader([&] {
    VectorBuffer buffer;
    while (!done) {
      for (const Rows& rows : segment.Blocks()) {
        for (size_t row = 0; row < rows.count; ++row) {
          ASSERT_EQ(rows.Vector(row, buffer)[2], value_of(rows.labels[row]));
        }
      }
      for (size_t block = 0; block < segment.Blocks().size(); ++block) {
        for (const CodedRun& run : segment.CodedRuns(block)) {
          for (size_t row = run.first; row < run.first + run.count; ++row) {
            // All components are equal, and so are those of the center; one may be rounded up and
            // the next one down.
            const int first = run.codes.Code(row)[0];
            const int third = run.codes.Code(row)[2];
            if (run.codes.format.bits == 4) {
              ASSERT_NEAR(first % 16, third % 16, 1);
            } else {
              ASSERT_NEAR(first, third, 1);
              ASSERT_NE(first, 0);
            }
          }
        }
      }
    }
  });
  for (Label label = 1; label <= 5000; ++label) {
    segment.Append(label, {}, 0, std::vector<float>(width, value_of(label)), 1);
  }
  done = true;
  reader.join();
}

TEST(GrowingSegmentTest, ReadersSeeOnlyWholeRows) { ReadWhileRowsAreAdded(3, 5001); }

TEST(GrowingSegmentTest, ReadersSeeOnlyWholeRowsOfSharedCodes) { ReadWhileRowsAreAdded(128, 16); }

// Codes stand for the components to a step, but for the few that are cut.
TEST(GrowingSegmentTest, FullRunsHaveCodesThatFit) {
  constexpr size_t kWidth = 48;
  const testing::Matrix points = testing::Clustered(5000, kWidth, 1);
  GrowingSegment segment(kWidth, Metric::kCosine);
  const size_t before = segment.memory_bytes();
  EXPECT_TRUE(segment.CodedRuns(0).empty());
  Fill(segment, points);
  size_t coded = 0;
  size_t cut = 0;
  const std::vector<Rows> blocks = segment.Blocks();
  for (size_t block = 0; block < blocks.size(); ++block) {
    size_t next = 0;
    for (const CodedRun& run : segment.CodedRuns(block)) {
      EXPECT_EQ(run.first, next);
      next += run.count;
      ASSERT_LE(next, blocks[block].count);
      for (size_t row = run.first; row < next; ++row) {
        const absl::Span<const float> vector = points.Row(blocks[block].labels[row] - 1);
        for (size_t i = 0; i < kWidth; ++i) {
          const float decoded = run.codes.center[i] +
                                run.codes.step * static_cast<float>(run.codes.Code(row)[i] - 128);
          cut += std::fabs(decoded - vector[i]) > 1.01F * run.codes.step ? 1 : 0;
        }
      }
    }
    EXPECT_LT(blocks[block].count - next, 1024U);
    coded += next;
  }
  EXPECT_GT(coded, points.count() - 1024);
  EXPECT_LT(static_cast<double>(cut), 0.001 * static_cast<double>(coded * kWidth));
  EXPECT_GE(segment.memory_bytes() - before, points.count() * kWidth * (sizeof(float) + 1));
}

// One scorer serves for a block of them, and few rows have to wait for a run to be full.
TEST(GrowingSegmentTest, RunsOfAlikeRowsShareTheirCodes) {
  constexpr size_t kCount = 6000;
  GrowingSegment segment(192, Metric::kCosine);
  Fill(segment, testing::Clustered(kCount, 192, 1));
  const CodedRun first = segment.CodedRuns(0).front();
  size_t coded = 0;
  for (size_t block = 0; block < segment.Blocks().size(); ++block) {
    const std::vector<CodedRun> runs = segment.CodedRuns(block);
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_TRUE(runs.front().all_fit);
    EXPECT_EQ(runs.front().codes.center.data(), first.codes.center.data());
    coded += runs.front().count;
  }
  EXPECT_GT(coded, kCount - 256);
}

TEST(GrowingSegmentTest, RunsOfUnlikeRowsHaveCodesOfTheirOwn) {
  constexpr size_t kWidth = 192;
  testing::Matrix points = testing::Clustered(768, kWidth, 1);
  for (size_t i = 256 * kWidth; i < 512 * kWidth; ++i) points.values[i] += 0.2F;
  for (size_t i = 512 * kWidth; i < 768 * kWidth; ++i) {
    points.values[i] = 0.2F + 0.01F * points.values[i];
  }
  GrowingSegment segment(kWidth, Metric::kCosine);
  Fill(segment, points);
  ASSERT_EQ(segment.CodedRuns(0).size(), 1U);
  const std::vector<CodedRun> runs = segment.CodedRuns(1);
  ASSERT_EQ(runs.size(), 2U);
  // What a step of the others stands for is the spread of all of the last.
  EXPECT_LT(runs[1].codes.step, 0.1F * runs[0].codes.step);
  EXPECT_NE(runs[0].codes.center[0], segment.CodedRuns(0)[0].codes.center[0]);
  for (const CodedRun& run : runs) {
    EXPECT_TRUE(run.all_fit);
    EXPECT_GE(run.worst, 1);
    EXPECT_LT(run.worst, 3);
  }
}

TEST(GrowingSegmentTest, ManhattanHasNoCodes) {
  GrowingSegment segment(2, Metric::kManhattan);
  for (Label label = 1; label <= 600; ++label) segment.Append(label, {}, 0, {1, 2}, 1);
  EXPECT_TRUE(segment.CodedRuns(0).empty());
  EXPECT_TRUE(segment.CodedRuns(1).empty());
}

}  // namespace
}  // namespace vecnest::index
