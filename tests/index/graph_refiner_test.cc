#include "index/graph_refiner.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kRows = 2000;
constexpr size_t kWidth = 32;

// Every row links to the one after it and to some far along: connected, but by no nearness.
BuiltGraph PoorGraph(size_t m) {
  BuiltGraph graph;
  graph.m = m;
  graph.levels.assign(kRows, 0);
  graph.upper_starts.assign(kRows, 0);
  graph.links.assign(kRows * (1 + 2 * m), 0);
  for (size_t row = 0; row < kRows; ++row) {
    uint32_t* block = &graph.links[row * (1 + 2 * m)];
    for (const size_t step : std::vector<size_t>{1U, 7U, 61U, 503U}) {
      block[++block[0]] = static_cast<uint32_t>((row + step) % kRows);
    }
  }
  return graph;
}

size_t NearestOf(const CodeDistance& distance, uint32_t row) {
  uint32_t nearest = row == 0 ? 1 : 0;
  for (uint32_t other = 0; other < kRows; ++other) {
    if (other != row && distance(row, other) < distance(row, nearest)) nearest = other;
  }
  return nearest;
}

class GraphRefinerTest : public ::testing::Test {
 protected:
  GraphRefinerTest() {
    params_.dimensions = kWidth;
    params_.m = 8;
    params_.ef_construct = 200;
  }

  testing::Block block_{testing::Clustered(kRows, kWidth, 1)};
  const CodeDistance distance_{block_.Codes(), block_.View(), Metric::kCosine};
  GraphParams params_;
};

// The first time the nearest are hard to get to.
TEST_F(GraphRefinerTest, RowsLinkToTheirNearest) {
  BuiltGraph graph = PoorGraph(8);
  RefineGraph(graph, distance_, params_);
  RefineGraph(graph, distance_, params_);
  const GraphView view = graph.View();
  size_t linked = 0;
  for (uint32_t row = 0; row < kRows; ++row) {
    const absl::Span<const uint32_t> links = view.Links(row);
    ASSERT_GE(links.size(), 1U);
    ASSERT_LE(links.size(), 16U);
    const std::set<uint32_t> different(links.begin(), links.end());
    EXPECT_EQ(different.size(), links.size());
    EXPECT_EQ(different.count(row), 0U);
    EXPECT_LT(*different.rbegin(), kRows);
    linked += different.count(static_cast<uint32_t>(NearestOf(distance_, row)));
  }
  EXPECT_GE(linked, kRows * 97 / 100);
  EXPECT_EQ(testing::Unreachable(view, kRows), 0U);
}

// Of the pairs that a row links to few are nearer to each other than to the row: 7 of 100; were
// links just the nearest it would be 22.
TEST_F(GraphRefinerTest, LinksGoDifferentWays) {
  BuiltGraph graph = PoorGraph(8);
  RefineGraph(graph, distance_, params_);
  RefineGraph(graph, distance_, params_);
  size_t pairs = 0;
  size_t same_way = 0;
  for (uint32_t row = 0; row < kRows; ++row) {
    const absl::Span<const uint32_t> links = graph.View().Links(row);
    for (size_t i = 0; i < links.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        ++pairs;
        same_way += distance_(links[i], links[j]) < distance_(row, links[i]) ? 1 : 0;
      }
    }
  }
  EXPECT_LT(same_way, pairs / 8);
}

// A row has no more than 2m links, however many choose it.
TEST_F(GraphRefinerTest, OfManyThatLinkBackSomeStay) {
  constexpr size_t kM = 4;
  constexpr size_t kAround = 60;
  // The first is the nearest of all others.
  testing::Matrix points{64, std::vector<float>(64 * (1 + kAround))};
  for (size_t i = 0; i < kAround; ++i) points.values[(1 + i) * 64 + i] = 1;
  testing::Block block(points);
  const CodeDistance distance(block.Codes({8, false}), block.View(), Metric::kEuclid);
  BuiltGraph graph;
  graph.m = kM;
  const size_t count = points.count();
  graph.levels.assign(count, 0);
  graph.upper_starts.assign(count, 0);
  graph.links.assign(count * (1 + 2 * kM), 0);
  for (size_t row = 0; row < count; ++row) {
    uint32_t* links = &graph.links[row * (1 + 2 * kM)];
    links[0] = 1;
    links[1] = static_cast<uint32_t>((row + 1) % count);
  }
  params_.m = kM;
  RefineGraph(graph, distance, params_);
  EXPECT_EQ(graph.View().Links(0).size(), 2 * kM);
  for (uint32_t row = 1; row < count; ++row) {
    const absl::Span<const uint32_t> links = graph.View().Links(row);
    EXPECT_NE(std::find(links.begin(), links.end(), 0U), links.end()) << row;
  }
}

// What a second look finds no better than before stays, unless it is in the way of another or there
// is no room: here it looks for few.
TEST_F(GraphRefinerTest, LinksThatGoOtherWaysStay) {
  BuiltGraph graph = PoorGraph(8);
  RefineGraph(graph, distance_, params_);
  const BuiltGraph before = graph;
  params_.ef_construct = 8;
  RefineGraph(graph, distance_, params_);
  for (uint32_t row = 0; row < kRows; ++row) {
    const absl::Span<const uint32_t> after = graph.View().Links(row);
    for (const uint32_t link : before.View().Links(row)) {
      const bool stays = std::find(after.begin(), after.end(), link) != after.end();
      const bool in_the_way = std::any_of(after.begin(), after.end(), [&](uint32_t other) {
        return distance_(other, link) < distance_(row, link);
      });
      EXPECT_TRUE(stays || (in_the_way && after.size() >= 8) || after.size() == 16)
          << row << " " << link;
    }
  }
}

TEST_F(GraphRefinerTest, ThreadsChangeNothing) {
  BuiltGraph one = PoorGraph(8);
  BuiltGraph three = PoorGraph(8);
  RefineGraph(one, distance_, params_);
  params_.threads = 3;
  std::atomic<size_t> counted = 0;
  params_.linked = &counted;
  RefineGraph(three, distance_, params_);
  EXPECT_EQ(one.links, three.links);
  EXPECT_EQ(counted, kRows / 2);
}

TEST_F(GraphRefinerTest, EndsWhenToldTo) {
  const std::atomic<bool> stop = true;
  params_.stop = &stop;
  std::atomic<size_t> counted = 0;
  params_.linked = &counted;
  BuiltGraph graph = PoorGraph(8);
  RefineGraph(graph, distance_, params_);
  EXPECT_EQ(counted, 0U);
}

TEST_F(GraphRefinerTest, OneRowKeepsNoLinks) {
  testing::Block block({4, {1, 2, 3, 4}});
  const CodeDistance distance(block.Codes(), block.View(), Metric::kCosine);
  BuiltGraph graph;
  graph.m = 8;
  graph.levels = {0};
  graph.upper_starts = {0};
  graph.links.assign(17, 0);
  RefineGraph(graph, distance, params_);
  EXPECT_TRUE(graph.View().Links(0).empty());
}

}  // namespace
}  // namespace vecnest::index
