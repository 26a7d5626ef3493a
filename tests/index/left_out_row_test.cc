#include "index/left_out_row.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kRows = 1500;

class LeftOutRowTest : public ::testing::Test {
 protected:
  LeftOutRowTest() {
    params_.dimensions = 32;
    params_.m = 8;
    graph_ = *BuildGraph(block_.View(), block_.Codes(), params_);
  }

  absl::Span<const uint32_t> Links(uint32_t row, int layer) const {
    return layer == 0 ? graph_.View().Links(row) : graph_.View().UpperLinks(row, layer);
  }

  // Of all layers.
  size_t CountReferrers(uint32_t row) const {
    size_t count = 0;
    for (uint32_t from = 0; from < kRows; ++from) {
      for (int layer = 0; layer <= graph_.levels[from]; ++layer) {
        const absl::Span<const uint32_t> links = Links(from, layer);
        count += static_cast<size_t>(std::count(links.begin(), links.end(), row));
      }
    }
    return count;
  }

  testing::Block block_{testing::Clustered(kRows, 32, 1)};
  GraphParams params_;
  BuiltGraph graph_;
};

// On a line, the middle one of which is what both others link to.
TEST(LeftOutRowLineTest, WhatItLayBetweenLinksToEachOther) {
  testing::Block block({2, {0, 0, 1, 0, 2, 0}});
  GraphParams params;
  params.metric = Metric::kEuclid;
  params.dimensions = 2;
  params.m = 2;
  BuiltGraph graph;
  graph.m = 2;
  graph.levels = {0, 0, 0};
  graph.upper_starts = {0, 0, 0};
  graph.links = {1, 1, 0, 0, 0, 2, 0, 2, 0, 0, 1, 1, 0, 0, 0};
  const BuiltGraph before = graph;
  {
    const LeftOutRow left_out(graph, block.View(), params, 1, ReferrersOf(graph, {1}).front());
    EXPECT_EQ(graph.View().Links(0), absl::MakeConstSpan({2U}));
    EXPECT_EQ(graph.View().Links(2), absl::MakeConstSpan({0U}));
  }
  EXPECT_EQ(graph.links, before.links);
}

TEST_F(LeftOutRowTest, NothingLinksToItUntilItIsBack) {
  const BuiltGraph before = graph_;
  std::vector<uint32_t> queries;
  for (uint32_t row = 0; row < kRows; row += 7) {
    if (row != graph_.entry_point) queries.push_back(row);
  }
  const std::vector<std::vector<Referrer>> referrers = ReferrersOf(graph_, queries);
  size_t upper = 0;
  for (size_t i = 0; i < queries.size(); ++i) {
    EXPECT_EQ(referrers[i].size(), CountReferrers(queries[i]));
    upper += graph_.levels[queries[i]] > 0 ? 1 : 0;
    {
      const LeftOutRow left_out(graph_, block_.View(), params_, queries[i], referrers[i]);
      EXPECT_EQ(CountReferrers(queries[i]), 0U) << queries[i];
    }
    ASSERT_EQ(graph_.links, before.links) << queries[i];
    ASSERT_EQ(graph_.upper_links, before.upper_links) << queries[i];
  }
  EXPECT_GT(upper, 5U);
}

// Of what the row links to, a referrer that has room lacks only what another link is nearer to.
TEST_F(LeftOutRowTest, WhatLinkedToItLinksAround) {
  const BuiltGraph before = graph_;
  const auto cost = [&](uint32_t a, uint32_t b) {
    const Rows rows = block_.View();
    VectorBuffer buffer;
    return Scorer(Metric::kCosine, {rows.Vector(a, buffer), 32}, 32, Renormalize::kNo)
        .Cost(rows.Vector(b, buffer), rows.inverse_norms[b]);
  };
  size_t added = 0;
  for (uint32_t row = 1; row < kRows; row += 31) {
    if (row == graph_.entry_point) continue;
    const std::vector<Referrer> referrers = ReferrersOf(graph_, {row}).front();
    const LeftOutRow left_out(graph_, block_.View(), params_, row, referrers);
    for (const auto& [from, layer] : referrers) {
      const absl::Span<const uint32_t> links = Links(from, layer);
      const size_t most = layer == 0 ? 16 : 8;
      ASSERT_LE(links.size(), most);
      const absl::Span<const uint32_t> had =
          layer == 0 ? before.View().Links(from) : before.View().UpperLinks(from, layer);
      EXPECT_GE(links.size() + 1, had.size());
      added += links.size() + 1 - had.size();
      if (links.size() == most) continue;
      for (const uint32_t around : Links(row, layer)) {
        const bool linked =
            around == from || std::find(links.begin(), links.end(), around) != links.end();
        const bool in_the_way = std::any_of(links.begin(), links.end(), [&](uint32_t link) {
          return cost(around, link) < cost(from, around);
        });
        EXPECT_TRUE(linked || in_the_way) << row << " " << from << " " << around;
      }
    }
  }
  EXPECT_GT(added, 50U);
}

}  // namespace
}  // namespace vecnest::index
