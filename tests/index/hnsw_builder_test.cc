#include "index/hnsw_builder.h"

#include <algorithm>
#include <utility>
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

void ExpectReachable(const testing::Matrix& points, size_t lost = 0) {
  testing::Block block(points);
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    GraphParams params;
    params.metric = metric;
    params.dimensions = 32;
    const CodeFormat format = CodeFormat::For(metric, 32);
    const CodeView codes = format.bits == 0 ? CodeView() : block.Codes(format);
    const auto graph = BuildGraph(block.View(), codes, params);
    ASSERT_TRUE(graph.ok());
    EXPECT_LE(testing::Unreachable(graph->View(), points.count()), lost)
        << static_cast<int>(metric);
  }
}

// Of 2,000 rows half have one vector, and 500 nine others.
TEST(HnswBuilderTest, EqualVectorsAreReachable) {
  testing::Matrix points = testing::Clustered(2000, 32, 1);
  for (size_t row = 0; row < 1500; ++row) {
    const size_t source = row % 3 != 0 ? 1999 : 1990 + row / 3 % 9;
    std::copy_n(points.Row(source).begin(), 32, &points.values[row * 32]);
  }
  ExpectReachable(points);
}

TEST(HnswBuilderTest, ZeroVectorsAreReachable) {
  testing::Matrix points{32, std::vector<float>(size_t{2000} * 32)};
  ExpectReachable(points);
  // Zeros are the nearest of those that are near no others, of which a few get lost.
  points = testing::Clustered(2000, 32, 1);
  std::fill_n(points.values.begin(), 1000 * 32, 0.0F);
  ExpectReachable(points, 8);
}

// Those that came last as well as those that came first, for which all others came later.
TEST(HnswBuilderTest, RowsLinkToTheirNearestWheneverTheyCame) {
  constexpr size_t kRows = 3000;
  testing::Block block(testing::Clustered(kRows, 32, 1));
  const Rows rows = block.View();
  GraphParams params;
  params.dimensions = 32;
  const auto graph = BuildGraph(rows, block.Codes(), params);
  ASSERT_TRUE(graph.ok());
  const auto linked = [&](size_t first, size_t end) {
    size_t found = 0;
    VectorBuffer buffer;
    for (size_t row = first; row < end; ++row) {
      const Scorer scorer(Metric::kCosine, {rows.Vector(row, buffer), 32}, 32, Renormalize::kNo);
      std::vector<std::pair<float, uint32_t>> costs;
      VectorBuffer other_buffer;
      for (uint32_t other = 0; other < kRows; ++other) {
        if (other == row) continue;
        costs.emplace_back(scorer.Cost(rows.Vector(other, other_buffer), rows.inverse_norms[other]),
                           other);
      }
      const uint32_t nearest = std::min_element(costs.begin(), costs.end())->second;
      const absl::Span<const uint32_t> links = graph->View().Links(static_cast<uint32_t>(row));
      found += std::find(links.begin(), links.end(), nearest) != links.end() ? 1 : 0;
    }
    return found;
  };
  EXPECT_GE(linked(0, 300), 297U);
  EXPECT_GE(linked(kRows - 300, kRows), 297U);
}

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
