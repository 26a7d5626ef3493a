#include "index/graph_walk.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/hnsw_builder.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

class GraphWalkTest : public ::testing::Test {
 protected:
  GraphWalkTest()
      : block_(testing::Clustered(3000, 48, 1)), rows_(block_.View()), codes_(block_.Codes()) {
    GraphParams params;
    params.dimensions = 48;
    graph_ = *BuildGraph(rows_, codes_, params);
  }

  std::vector<WalkedRow> Scan(const Scorer& scorer, const RowFilter& filter) const {
    std::vector<WalkedRow> all;
    VectorBuffer buffer;
    for (uint32_t row = 0; row < rows_.count; ++row) {
      if (!filter.Accepts(row)) continue;
      all.push_back({scorer.Cost(rows_.Vector(row, buffer), rows_.inverse_norms[row]), row});
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  testing::Block block_;
  Rows rows_;
  CodeView codes_;
  BuiltGraph graph_;
  const testing::Matrix queries_ = testing::Clustered(50, 48, 2);
};

TEST_F(GraphWalkTest, FindsTheNearestInOrderWithExactCosts) {
  size_t found = 0;
  for (size_t i = 0; i < queries_.count(); ++i) {
    const Scorer scorer(Metric::kCosine, queries_.Row(i), 48, Renormalize::kNo);
    const RowFilter all(rows_, 10000, nullptr);
    const WalkResult walk = WalkGraph(graph_.View(), rows_.count, VectorScorer(rows_, scorer), all,
                                      {{.places = 64}, 100000});
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
  PointSet allowed(rows_.count);
  for (PointNumber number = 0; number < rows_.count; number += 5) allowed.Add(number);
  rows_.marks->Mark(10, 1);
  const RowFilter filter(rows_, 10000, &allowed);
  size_t found = 0;
  for (size_t i = 0; i < queries_.count(); ++i) {
    const Scorer scorer(Metric::kCosine, queries_.Row(i), 48, Renormalize::kNo);
    const WalkResult walk = WalkGraph(graph_.View(), rows_.count, VectorScorer(rows_, scorer),
                                      filter, {{.places = 64}, 100000});
    for (const WalkedRow& row : walk.rows) EXPECT_TRUE(filter.Accepts(row.row));
    const std::vector<WalkedRow> exact = Scan(scorer, filter);
    for (size_t j = 0; j < 10; ++j) {
      found += std::find(walk.rows.begin(), walk.rows.end(), exact[j]) != walk.rows.end() ? 1 : 0;
    }
  }
  EXPECT_GE(found, 490U);
}

TEST_F(GraphWalkTest, CodesFindWhatVectorsFind) {
  PointSet allowed(rows_.count);
  for (PointNumber number = 0; number < rows_.count; number += 3) allowed.Add(number);
  for (const PointSet* set : {static_cast<const PointSet*>(nullptr), &std::as_const(allowed)}) {
    const RowFilter filter(rows_, 10000, set);
    size_t found = 0;
    for (size_t i = 0; i < queries_.count(); ++i) {
      const Scorer exact(Metric::kCosine, queries_.Row(i), 48, Renormalize::kNo);
      const CodeScorer coded(codes_, Metric::kCosine, queries_.Row(i), 48, Renormalize::kNo);
      const WalkResult walk =
          WalkGraph(graph_.View(), rows_.count, coded, filter, {{.places = 64}, 100000});
      EXPECT_TRUE(std::is_sorted(walk.rows.begin(), walk.rows.end()));
      const std::vector<WalkedRow> nearest = Scan(exact, filter);
      for (size_t j = 0; j < 10; ++j) {
        found += std::count_if(walk.rows.begin(), walk.rows.end(),
                               [&](const WalkedRow& row) { return row.row == nearest[j].row; });
      }
    }
    EXPECT_GE(found, 490U);
  }
}

// Accepted rows far from where the descent ends, and none on the way.
TEST_F(GraphWalkTest, SeedsLeadToRowsFarFromTheQuery) {
  size_t found = 0;
  for (size_t i = 0; i < queries_.count(); ++i) {
    const Scorer scorer(Metric::kCosine, queries_.Row(i), 48, Renormalize::kNo);
    const std::vector<WalkedRow> all = Scan(scorer, RowFilter(rows_, 10000, nullptr));
    PointSet far(rows_.count);
    for (size_t j = all.size() - 400; j < all.size(); ++j) far.Add(rows_.numbers[all[j].row]);
    const RowFilter filter(rows_, 10000, &far);
    const std::vector<WalkedRow> exact = Scan(scorer, filter);
    const std::vector<uint32_t> seeds = {exact[100].row, exact[200].row, exact[300].row};
    const WalkResult walk =
        WalkGraph(graph_.View(), rows_.count, VectorScorer(rows_, scorer), filter,
                  {.kept = {.places = 64}, .max_distances = 100000, .seeds = seeds});
    for (size_t j = 0; j < 10; ++j) {
      found += std::find(walk.rows.begin(), walk.rows.end(), exact[j]) != walk.rows.end() ? 1 : 0;
    }
  }
  EXPECT_GE(found, 485U);
}

TEST_F(GraphWalkTest, CountsWhatIsInRange) {
  const Scorer scorer(Metric::kCosine, queries_.Row(0), 48, Renormalize::kNo);
  const RowFilter all(rows_, 10000, nullptr);
  const std::vector<WalkedRow> exact = Scan(scorer, all);
  const WalkResult walk =
      WalkGraph(graph_.View(), rows_.count, VectorScorer(rows_, scorer), all,
                {.kept = {.places = 32, .range = exact[199].cost, .most_in_range = 1000},
                 .max_distances = 100000});
  EXPECT_GE(walk.in_range, 196U);
  EXPECT_EQ(walk.rows.size(), walk.in_range + 32);
  EXPECT_LE(walk.rows[walk.in_range - 1].cost, exact[199].cost);
  EXPECT_GT(walk.rows[walk.in_range].cost, exact[199].cost);
  // Beside the vectors lists of links, of at least the rows that are in range.
  const size_t list = (1 + 2 * graph_.m) * sizeof(uint32_t);
  const size_t lists = walk.bytes - walk.distances * 48 * sizeof(float);
  EXPECT_EQ(lists % list, 0U);
  EXPECT_GE(lists / list, walk.in_range);
}

TEST_F(GraphWalkTest, GivesUpAtTheLimit) {
  const Scorer scorer(Metric::kCosine, queries_.Row(0), 48, Renormalize::kNo);
  const WalkResult walk = WalkGraph(graph_.View(), rows_.count, VectorScorer(rows_, scorer),
                                    RowFilter(rows_, 10000, nullptr), {{.places = 1000}, 100});
  EXPECT_TRUE(walk.gave_up);
  EXPECT_LE(walk.distances, 100U + 2 * graph_.m + 1);
}

}  // namespace
}  // namespace vecnest::index
