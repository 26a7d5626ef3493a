#include "index/walk_lists.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/segment_format.h"

namespace vecnest::index {
namespace {

std::vector<WalkedRow> Rows(const Pool& pool) {
  std::vector<WalkedRow> rows;
  pool.CopyTo(rows);
  return rows;
}

void Offer(Pool& pool, const std::vector<WalkedRow>& rows) {
  for (const WalkedRow& row : rows) pool.Offer(row);
}

TEST(VisitedRowsTest, TellsTheFirstVisitFromLaterOnes) {
  VisitedRows visited;
  visited.Start(200);
  EXPECT_TRUE(visited.Visit(0));
  EXPECT_TRUE(visited.Visit(199));
  EXPECT_FALSE(visited.Visit(0));
  visited.Start(300);
  EXPECT_TRUE(visited.Visit(0));
  EXPECT_TRUE(visited.Visit(199));
  EXPECT_TRUE(visited.Visit(299));
}

TEST(VisitedRowsTest, KeepsTheRowsOfAListThatAreNew) {
  VisitedRows visited;
  visited.Start(200);
  std::vector<uint32_t> rows = {64, 3, 64, 199, 3, 0};
  rows.resize(visited.VisitAll(rows, rows.data()));
  EXPECT_THAT(rows, ::testing::ElementsAre(64, 3, 199, 0));
  rows = {1, 3, 65};
  rows.resize(visited.VisitAll(rows, rows.data()));
  EXPECT_THAT(rows, ::testing::ElementsAre(1, 65));
}

// Costs of both signs and all sizes, equal ones among them, and the largest row there may be.
TEST(PoolTest, OrdersAsCostsAndThenRowsDo) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<WalkedRow> rows = {
      {-0.0F, 7}, {0.0F, 5}, {1e-42F, 1}, {-1e-42F, 2}, {3e38F, kMaxSegmentRows - 1}, {-3e38F, 3}};
  for (uint32_t row = 100; row < 400; ++row) {
    rows.push_back({std::round(10 * normal(generator)) * std::exp(9 * normal(generator)), row});
  }
  std::shuffle(rows.begin(), rows.end(), generator);
  Pool pool;
  pool.Start({.places = rows.size()});
  Offer(pool, rows);
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(Rows(pool), rows);
  for (const WalkedRow& row : rows) EXPECT_EQ(pool.TakeNext(), row.row);
}

TEST(PoolTest, ShowsTheRowsThatComeNext) {
  Pool pool;
  pool.Start({.places = 8});
  Offer(pool, {{1, 1}, {2, 2}, {3, 3}, {4, 4}});
  EXPECT_EQ(pool.TakeNext(), 1U);
  EXPECT_EQ(pool.TakeNext(), 2U);
  Offer(pool, {{1.5, 9}});
  std::vector<uint32_t> next;
  pool.ForNext(2, [&](uint32_t row) { next.push_back(row); });
  EXPECT_THAT(next, ::testing::ElementsAre(9, 3));
}

TEST(PoolTest, KeepsTheNearestInAnyOrderOfArrival) {
  std::vector<WalkedRow> rows;
  for (uint32_t row = 0; row < 100; ++row) rows.push_back({static_cast<float>(row), row});
  const std::vector<WalkedRow> nearest(rows.begin(), rows.begin() + 7);
  std::mt19937 generator(1);
  Pool pool;
  for (int round = 0; round < 20; ++round) {
    std::shuffle(rows.begin(), rows.end(), generator);
    pool.Start({.places = 7});
    Offer(pool, rows);
    EXPECT_EQ(Rows(pool), nearest);
  }
}

// Whatever comes together, and however many: the same as one by one.
TEST(PoolTest, RowsMayBeOfferedTogether) {
  std::mt19937 generator(1);
  for (const PoolSize& size :
       {PoolSize{.places = 20}, PoolSize{.places = 300},
        PoolSize{.places = 9, .most_equal = 4, .most_free = 30},
        PoolSize{.places = 9, .range = 12, .most_in_range = 25, .most_equal = 3, .most_free = 5}}) {
    Pool together;
    Pool one_by_one;
    together.Start(size);
    one_by_one.Start(size);
    for (uint32_t first = 0; first < 1000;) {
      std::vector<uint32_t> rows(generator() % 40);
      std::iota(rows.begin(), rows.end(), first);
      first += static_cast<uint32_t>(rows.size());
      std::vector<float> costs(rows.size());
      for (float& cost : costs) cost = static_cast<float>(generator() % 100);
      together.Offer(rows, costs.data());
      for (size_t i = 0; i < rows.size(); ++i) one_by_one.Offer({costs[i], rows[i]});
      EXPECT_EQ(together.TakeNext(), one_by_one.TakeNext());
      ASSERT_EQ(Rows(together), Rows(one_by_one));
    }
  }
}

TEST(PoolTest, HandsOutEachRowOnceNearestFirst) {
  Pool pool;
  pool.Start({.places = 3});
  Offer(pool, {{5, 5}, {3, 3}});
  EXPECT_EQ(pool.TakeNext(), 3U);
  Offer(pool, {{1, 1}, {9, 9}});
  EXPECT_EQ(pool.TakeNext(), 1U);
  EXPECT_EQ(pool.TakeNext(), 5U);
  EXPECT_EQ(pool.TakeNext(), std::nullopt);
}

// Three places: for three costs, whatever the number of rows that share one.
TEST(PoolTest, EqualCostsTakeOnePlace) {
  std::vector<WalkedRow> rows;
  for (uint32_t row = 0; row < 60; ++row) rows.push_back({static_cast<float>(row / 6), row});
  std::mt19937 generator(1);
  Pool pool;
  for (int round = 0; round < 20; ++round) {
    std::shuffle(rows.begin(), rows.end(), generator);
    pool.Start({.places = 3, .most_equal = 100, .most_free = 100});
    Offer(pool, rows);
    const std::vector<WalkedRow> kept = Rows(pool);
    ASSERT_GE(kept.size(), 13U);  // all of two costs, and something of the third
    EXPECT_EQ(kept[12].cost, 2);
    EXPECT_EQ(kept.back().cost, 2);
    EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  }
}

TEST(PoolTest, OneCostCanNotFillThePool) {
  Pool pool;
  pool.Start({.places = 4, .most_equal = 6, .most_free = 100});
  for (uint32_t row = 0; row < 1000; ++row) Offer(pool, {{1, row}});
  EXPECT_EQ(Rows(pool).size(), 6U);
  Offer(pool, {{2, 1000}, {3, 1001}, {4, 1002}, {5, 1003}});
  EXPECT_EQ(Rows(pool).size(), 9U);
  EXPECT_EQ(Rows(pool).back().cost, 4);
}

TEST(PoolTest, RowsInRangeTakeNoPlace) {
  std::vector<WalkedRow> rows;
  for (uint32_t row = 0; row < 100; ++row) rows.push_back({static_cast<float>(row), row});
  std::mt19937 generator(1);
  Pool pool;
  for (int round = 0; round < 20; ++round) {
    std::shuffle(rows.begin(), rows.end(), generator);
    pool.Start({.places = 5, .range = 39, .most_in_range = 1000});
    Offer(pool, rows);
    EXPECT_EQ(Rows(pool).size(), 45U);
    EXPECT_EQ(Rows(pool).back().cost, 44);
    pool.Start({.places = 5, .range = 39, .most_in_range = 15});
    Offer(pool, rows);
    EXPECT_EQ(Rows(pool).size(), 20U);
    EXPECT_EQ(Rows(pool).back().cost, 19);
  }
}

}  // namespace
}  // namespace vecnest::index
