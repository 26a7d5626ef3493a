#include "index/merge_policy.h"

#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

void ExpectRange(const std::vector<SegmentSize>& segments, size_t first, size_t count) {
  const auto range = PickMerge(segments, 100);
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->first, first);
  EXPECT_EQ(range->count, count);
}

TEST(MergePolicyTest, NothingToDo) {
  EXPECT_FALSE(PickMerge({}, 100));
  const std::vector<SegmentSize> three = {{100}, {100}, {100}};
  EXPECT_FALSE(PickMerge(three, 100));
  const std::vector<SegmentSize> tiers = {{1600}, {400}, {400}, {100}};
  EXPECT_FALSE(PickMerge(tiers, 100));
}

TEST(MergePolicyTest, ManyDeletedRowsAreRewritten) {
  ExpectRange({{100}, {100, 26}, {100}}, 1, 1);
  const std::vector<SegmentSize> few = {{100}, {100, 25}, {100}};
  EXPECT_FALSE(PickMerge(few, 100));
  ExpectRange({{10, 10}}, 0, 1);
}

TEST(MergePolicyTest, SmallNeighboursAreMerged) {
  ExpectRange({{200}, {10}, {20}, {30}}, 1, 3);
  ExpectRange({{10}, {60}, {60}}, 0, 2);
  const std::vector<SegmentSize> lone = {{10}, {400}, {10}};
  EXPECT_FALSE(PickMerge(lone, 100));
}

TEST(MergePolicyTest, OutdatedSegmentsAreRewrittenLast) {
  const SegmentSize outdated{.rows = 100, .outdated = true};
  ExpectRange({{100}, outdated, outdated}, 1, 1);
  ExpectRange({outdated, {100}, {100, 26}}, 2, 1);
  ExpectRange({outdated, {10}, {20}}, 1, 2);
}

TEST(MergePolicyTest, FourOfATierAreMerged) {
  ExpectRange({{400}, {100}, {110}, {120}, {130}}, 1, 4);
  ExpectRange({{1600}, {400}, {500}, {100}, {400}, {400}}, 1, 5);
}

TEST(MergePolicyTest, DamagedSegmentsAreNotJumped) {
  const std::vector<SegmentSize> gap = {{100}, {100}, {100, 0, true}, {100}};
  EXPECT_FALSE(PickMerge(gap, 100));
  const std::vector<SegmentSize> small = {{10}, {10, 0, true}};
  EXPECT_FALSE(PickMerge(small, 100));
}

void ExpectAtRest(const std::vector<SegmentSize>& segments, size_t first, size_t count) {
  const auto range = PickMergeAtRest(segments);
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->first, first);
  EXPECT_EQ(range->count, count);
}

TEST(MergePolicyTest, AtRestAsFewAsPossibleRemain) {
  EXPECT_FALSE(PickMergeAtRest({}));
  const std::vector<SegmentSize> one = {{100}};
  EXPECT_FALSE(PickMergeAtRest(one));
  ExpectAtRest({{100}, {100}}, 0, 2);
  ExpectAtRest({{100}, {1600}, {400}, {400}, {100}}, 0, 5);
}

TEST(MergePolicyTest, AtRestALargeSegmentIsNotRewrittenForFewRows) {
  const std::vector<SegmentSize> few = {{1600}, {399}};
  EXPECT_FALSE(PickMergeAtRest(few));
  ExpectAtRest({{1600}, {400}}, 0, 2);
  ExpectAtRest({{1600}, {100}, {100}}, 1, 2);
  ExpectAtRest({{100}, {100}, {1600}}, 0, 2);
  // Deleted rows are not rewritten.
  ExpectAtRest({{1600, 1300}, {100}}, 0, 2);
}

TEST(MergePolicyTest, AtRestNoSegmentGrowsBeyondTheLimit) {
  constexpr size_t kMillion = 1'000'000;
  const std::vector<SegmentSize> two = {{10 * kMillion}, {7 * kMillion}};
  EXPECT_FALSE(PickMergeAtRest(two));
  ExpectAtRest({{10 * kMillion}, {6 * kMillion}, {kMillion}}, 0, 2);
}

TEST(MergePolicyTest, AtRestDamagedSegmentsAreNotJumped) {
  ExpectAtRest({{100}, {100, 0, true}, {100}}, 1, 2);
  const std::vector<SegmentSize> gap = {{100}, {100, 0, true}};
  EXPECT_FALSE(PickMergeAtRest(gap));
}

// `pick` after each seal of 100 rows; how many rows it had rewritten in the end.
template <class Pick>
size_t RowsRewritten(size_t seals, const Pick& pick, std::vector<SegmentSize>& segments) {
  size_t rewritten = 0;
  for (size_t i = 0; i < seals; ++i) {
    segments.push_back({100});
    while (const auto range = pick(segments)) {
      const auto first = segments.begin() + static_cast<ptrdiff_t>(range->first);
      SegmentSize merged;
      for (size_t j = 0; j < range->count; ++j)
        merged.rows += (first + static_cast<ptrdiff_t>(j))->rows;
      rewritten += merged.rows;
      segments.erase(first + 1, first + static_cast<ptrdiff_t>(range->count));
      segments[range->first] = merged;
    }
  }
  return rewritten;
}

TEST(MergePolicyTest, FewSegmentsRemainAndEachRowIsRewrittenSeldom) {
  constexpr size_t kSeals = 1000;
  std::vector<SegmentSize> segments;
  const size_t rewritten =
      RowsRewritten(kSeals, [](const auto& sizes) { return PickMerge(sizes, 100); }, segments);
  EXPECT_LE(segments.size(), 16U);
  EXPECT_LE(rewritten, 5 * kSeals * 100);
}

// As where an import pauses after each seal.
TEST(MergePolicyTest, AtRestAgainAndAgainEachRowIsRewrittenSometimes) {
  constexpr size_t kSeals = 1000;
  std::vector<SegmentSize> segments;
  const size_t rewritten =
      RowsRewritten(kSeals, [](const auto& sizes) { return PickMergeAtRest(sizes); }, segments);
  EXPECT_LE(segments.size(), 5U);
  // log(1000) / log(1.25) times.
  EXPECT_LE(rewritten, 31 * kSeals * 100);
}

}  // namespace
}  // namespace vecnest::index
