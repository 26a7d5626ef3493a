#include "index/graph_walk.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"
#include "index/hnsw_builder.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

class GraphWalkTest : public ::testing::Test {
 protected:
  GraphWalkTest() : block_(testing::Clustered(3000, 48, 1)), rows_(block_.View()) {
    GraphParams params;
    params.dimensions = 48;
    graph_ = *BuildGraph(rows_, params);
  }

  std::vector<WalkedRow> Scan(const Scorer& scorer, const RowFilter& filter) const {
    std::vector<WalkedRow> all;
    for (uint32_t row = 0; row < rows_.count; ++row) {
      if (!filter.Accepts(row)) continue;
      all.push_back({scorer.Cost(rows_.Vector(row), rows_.inverse_norms[row]), row});
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  testing::Block block_;
  Rows rows_;
  BuiltGraph graph_;
  const testing::Matrix queries_ = testing::Clustered(50, 48, 2);
};

TEST_F(GraphWalkTest, FindsTheNearestInOrderWithExactCosts) {
  size_t found = 0;
  for (size_t i = 0; i < queries_.count(); ++i) {
    const Scorer scorer(Metric::kCosine, queries_.Row(i), 48, Renormalize::kNo);
    const RowFilter all(rows_, 10000);
    const WalkResult walk = WalkGraph(graph_.View(), rows_, scorer, all, {64, 100000});
    ASSERT_EQ(walk.rows.size(), 64U);
    EXPECT_TRUE(std::is_sorted(walk.rows.begin(), walk.rows.end()));
    const std::vector<WalkedRow> exact = Scan(scorer, all);
    for (size_t j = 0; j < 10; ++j) {
      found += std::find(walk.rows.begin(), walk.rows.end(), exact[j]) != walk.rows.end() ? 1 : 0;
    }
  }
  EXPECT_GE(found, 490U);
}

TEST_F(GraphWalkTest, CollectsOnlyAcceptedRows) {
  std::vector<uint32_t> listed;
  for (uint32_t row = 0; row < rows_.count; row += 5) listed.push_back(row);
  rows_.marks->Mark(10, 1);
  const RowFilter filter(rows_, 10000, listed);
  size_t found = 0;
  for (size_t i = 0; i < queries_.count(); ++i) {
    const Scorer scorer(Metric::kCosine, queries_.Row(i), 48, Renormalize::kNo);
    const WalkResult walk = WalkGraph(graph_.View(), rows_, scorer, filter, {64, 100000});
    for (const WalkedRow& row : walk.rows) EXPECT_TRUE(filter.Accepts(row.row));
    const std::vector<WalkedRow> exact = Scan(scorer, filter);
    for (size_t j = 0; j < 10; ++j) {
      found += std::find(walk.rows.begin(), walk.rows.end(), exact[j]) != walk.rows.end() ? 1 : 0;
    }
  }
  EXPECT_GE(found, 490U);
}

TEST_F(GraphWalkTest, GivesUpAtTheLimit) {
  const Scorer scorer(Metric::kCosine, queries_.Row(0), 48, Renormalize::kNo);
  const WalkResult walk =
      WalkGraph(graph_.View(), rows_, scorer, RowFilter(rows_, 10000), {1000, 100});
  EXPECT_TRUE(walk.gave_up);
  EXPECT_LE(walk.distances, 100U + 2 * graph_.m + 1);
}

}  // namespace
}  // namespace vecnest::index
