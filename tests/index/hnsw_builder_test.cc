#include "index/hnsw_builder.h"

#include <vector>

#include "gtest/gtest.h"
#include "index/deletion_marks.h"
#include "index/graph_walk.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

class HnswBuilderTest : public ::testing::TestWithParam<int> {};

TEST_P(HnswBuilderTest, ThreadsBuildGraphsThatFindTheNearest) {
  testing::Block block(testing::Clustered(2000, 32, 1));
  const Rows rows = block.View();
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    GraphParams params;
    params.metric = metric;
    params.dimensions = 32;
    params.threads = GetParam();
    const CodeFormat format = CodeFormat::For(metric, 32);
    const CodeView codes = format.bits == 0 ? CodeView() : block.Codes(format);
    const auto graph = BuildGraph(rows, codes, params);
    ASSERT_TRUE(graph.ok()) << graph.status();
    size_t found = 0;
    VectorBuffer buffer;
    for (size_t row = 0; row < 200; ++row) {
      const Scorer scorer(metric, {rows.Vector(row, buffer), 32}, 32, Renormalize::kNo);
      const RowFilter all(rows, DeletionMarks::kNever - 1, nullptr);
      const WalkResult walk = WalkGraph(graph->View(), rows.count, VectorScorer(rows, scorer), all,
                                        {{.places = 50}, 100000});
      found += walk.rows.front().row == row ? 1 : 0;
    }
    EXPECT_GE(found, 198U) << static_cast<int>(metric);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, HnswBuilderTest, ::testing::Values(1, 3));

TEST(HnswBuilderTest, OneRowIsAGraph) {
  testing::Block block({4, {1, 2, 3, 4}});
  GraphParams params;
  params.dimensions = 4;
  const auto graph = BuildGraph(block.View(), block.Codes(), params);
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(graph->entry_point, 0U);
  EXPECT_TRUE(graph->View().Links(0).empty());
}

TEST(HnswBuilderTest, OneThreadRepeatsItself) {
  testing::Block block(testing::Clustered(1000, 16, 1));
  const Rows rows = block.View();
  const CodeView codes = block.Codes();
  GraphParams params;
  params.dimensions = 16;
  const auto first = BuildGraph(rows, codes, params);
  const auto second = BuildGraph(rows, codes, params);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->links, second->links);
  EXPECT_EQ(first->upper_links, second->upper_links);
  params.seed = 1;
  EXPECT_NE(BuildGraph(rows, codes, params)->levels, first->levels);
}

TEST(HnswBuilderStopTest, EndsWhenToldTo) {
  testing::Block block(testing::Clustered(500, 8, 1));
  const std::atomic<bool> stop = true;
  GraphParams params;
  params.dimensions = 8;
  params.stop = &stop;
  EXPECT_EQ(BuildGraph(block.View(), block.Codes(), params).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace vecnest::index
