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

size_t Reachable(const GraphView& graph) {
  std::set<uint32_t> met = {graph.entry_point};
  std::vector<uint32_t> waiting = {graph.entry_point};
  while (!waiting.empty()) {
    const uint32_t row = waiting.back();
    waiting.pop_back();
    for (const uint32_t link : graph.Links(row)) {
      if (met.insert(link).second) waiting.push_back(link);
    }
  }
  return met.size();
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
  EXPECT_EQ(Reachable(view), kRows);
}

// To the nearest of a block of rows that are all in each other's way, and no more than there is
// room for: what links back beyond that goes different ways.
TEST_F(GraphRefinerTest, WhatLinksBackIsPruned) {
  constexpr size_t kM = 4;
  constexpr size_t kRays = 40;
  // A hub, and rays around it: each has the hub as its nearest.
  testing::Matrix points{64, std::vector<float>(64 * (1 + 2 * kRays))};
  for (size_t ray = 0; ray < 2 * kRays; ++ray) {
    float* point = &points.values[(1 + ray) * 64];
    point[ray / 2] = ray % 2 == 0 ? 1.0F : 1.5F;  // two on each ray
  }
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
  const absl::Span<const uint32_t> hub = graph.View().Links(0);
  EXPECT_EQ(hub.size(), 2 * kM);
  std::set<uint32_t> rays;
  for (const uint32_t row : hub) rays.insert((row - 1) / 2);
  EXPECT_EQ(rays.size(), hub.size());
}

// Where the links until now lead elsewhere they stay, and rows with few keep the nearest of them.
TEST_F(GraphRefinerTest, LinksThatGoOtherWaysStay) {
  const BuiltGraph poor = PoorGraph(8);
  BuiltGraph graph = poor;
  RefineGraph(graph, distance_, params_);
  for (uint32_t row = 0; row < kRows; ++row) {
    EXPECT_GE(graph.View().Links(row).size(), 8U) << row;
  }
  const BuiltGraph again = [&] {
    BuiltGraph refined = graph;
    RefineGraph(refined, distance_, params_);
    return refined;
  }();
  // Distances of what is kept, though it was not chosen: to none of the others it is nearer.
  size_t kept = 0;
  for (uint32_t row = 0; row < kRows; ++row) {
    const absl::Span<const uint32_t> before = graph.View().Links(row);
    const absl::Span<const uint32_t> after = again.View().Links(row);
    for (const uint32_t link : before) {
      const bool stays = std::find(after.begin(), after.end(), link) != after.end();
      const bool in_the_way = std::any_of(after.begin(), after.end(), [&](uint32_t other) {
        return other != link && distance_(other, link) < distance_(row, link);
      });
      kept += stays ? 1 : 0;
      EXPECT_TRUE(stays || in_the_way || after.size() == 16) << row << " " << link;
    }
  }
  EXPECT_GT(kept, kRows);
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
