#include "index/calibration.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "index/segment_search.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

TEST(RecallCurveTest, EfIsFoundBetweenTheSteps) {
  RecallCurve curve;
  EXPECT_FALSE(curve.known());
  curve.recall = {0.5F, 0.6F, 0.7F, 0.8F, 0.9F, 0.9F, 0.95F, 0.96F, 0.97F, 0.98F, 0.985F, 0.99F};
  EXPECT_TRUE(curve.known());
  EXPECT_EQ(curve.EfFor(0.1F), 10U);
  EXPECT_EQ(curve.EfFor(0.85F), 41U);
  EXPECT_EQ(curve.EfFor(0.9F), 49U);
  EXPECT_EQ(curve.EfFor(0.999F), 1024U);
}

// What was measured at the build is what other queries get.
TEST(MeasureRecallTest, ForeignQueriesGetTheRecallThatIsAskedFor) {
  constexpr size_t kWidth = 128;
  constexpr size_t kQueries = 200;
  const testing::Matrix points = testing::Clustered(12000, kWidth, 1);
  const testing::Matrix queries = testing::Clustered(kQueries, kWidth, 2);
  const TemporaryDirectory directory;
  GraphParams build;
  build.m = 6;  // a poor graph, so that there is something to choose
  build.ef_construct = 40;
  ASSERT_TRUE(WriteSegmentFile(directory.path(), "a", points, build).ok());
  SegmentSet set(kWidth, Metric::kCosine, ValueFormat::kF32,
                 {*SealedSegment::Open(directory.path(), "a", kWidth)}, points.count());
  const RecallCurve& curve = set.View().list->sealed.front()->recall();
  ASSERT_TRUE(curve.known());
  EXPECT_TRUE(std::is_sorted(curve.recall.begin(), curve.recall.begin() + 6));
  size_t last_ef = 0;
  for (const float wanted : {0.88F, 0.92F, 0.95F}) {
    size_t hits = 0;
    size_t ef = 0;
    for (size_t i = 0; i < kQueries; ++i) {
      SearchStats stats;
      SearchParams params;
      params.exact = true;
      std::set<Label> best;
      for (const auto& hit :
           SearchSegments(set.View(), queries.Row(i), params, Metric::kCosine, true, stats)) {
        best.insert(hit.label);
      }
      params.exact = false;
      params.recall = wanted;
      for (const auto& hit :
           SearchSegments(set.View(), queries.Row(i), params, Metric::kCosine, true, stats)) {
        hits += best.count(hit.label);
      }
      ef = stats.ef;
    }
    const double recall = static_cast<double>(hits) / (10.0 * kQueries);
    EXPECT_GE(recall, wanted - 0.015) << "ef " << ef;
    EXPECT_LE(recall, wanted + 0.04) << "ef " << ef;
    EXPECT_GT(ef, last_ef);
    last_ef = ef;
  }
}

TEST(MeasureRecallTest, ThreadsMeasureTheSame) {
  constexpr size_t kWidth = 128;
  testing::Block block(testing::Clustered(2000, kWidth, 1));
  const CodeView codes = block.Codes({4, true});
  GraphParams params;
  params.dimensions = kWidth;
  params.m = 4;
  params.ef_construct = 20;
  absl::StatusOr<BuiltGraph> graph = BuildGraph(block.View(), codes, params);
  ASSERT_TRUE(graph.ok());
  const RecallCurve alone = MeasureRecall(block.View(), codes, *graph, params);
  EXPECT_GT(alone.recall.back(), 0.9F);
  EXPECT_LT(alone.recall.front(), 1.0F);
  for (const int threads : {2, 5}) {
    params.threads = threads;
    EXPECT_EQ(MeasureRecall(block.View(), codes, *graph, params).recall, alone.recall);
  }
}

TEST(MeasureRecallTest, FewRowsAreNotMeasured) {
  testing::Block block(testing::Clustered(999, 16, 1));
  GraphParams params;
  params.dimensions = 16;
  auto graph = BuildGraph(block.View(), block.Codes(), params);
  ASSERT_TRUE(graph.ok());
  EXPECT_FALSE(MeasureRecall(block.View(), block.Codes(), *graph, params).known());
}

}  // namespace
}  // namespace vecnest::index
