#include "index/ranking.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/code_scan.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The rows that are kept, nearest first.
std::vector<uint32_t> Kept(Ranking& ranking) {
  std::vector<uint32_t> rows;
  for (const Candidate& candidate : ranking.nearest().TakeUnique()) {
    rows.push_back(static_cast<uint32_t>(candidate.label - 1));
  }
  return rows;
}

TEST(RankingTest, KeepsTheNearest) {
  constexpr size_t kRows = 300;
  constexpr size_t kWanted = 20;
  const testing::Matrix vectors = testing::Clustered(kRows, 48, 1, false);
  const testing::Matrix query = testing::Clustered(1, 48, 2, false);
  testing::Block block(vectors);
  std::vector<uint32_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0U);
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    const double sign = LargerIsNearer(metric) ? -1 : 1;
    std::vector<std::pair<double, uint32_t>> plain;
    for (const uint32_t row : rows) {
      plain.emplace_back(
          sign * testing::PlainScore(metric, query.Row(0), vectors.Row(row), 48, false), row);
    }
    std::sort(plain.begin(), plain.end());
    std::shuffle(rows.begin(), rows.end(), std::mt19937(3));
    const Scorer scorer(metric, query.Row(0), 48, Renormalize::kNo);
    SearchStats stats;
    Ranking ranking(scorer, kWanted, stats);
    ranking.Rank(block.View(), absl::MakeConstSpan(rows).first(100));
    ranking.Rank(block.View(), absl::MakeConstSpan(rows).subspan(100));
    EXPECT_EQ(stats.candidates, kRows);
    EXPECT_EQ(stats.distances, kRows);
    EXPECT_EQ(stats.bytes, kRows * 48 * sizeof(float));
    EXPECT_TRUE(ranking.nearest().overflowed());
    const std::vector<uint32_t> kept = Kept(ranking);
    ASSERT_EQ(kept.size(), kWanted);
    for (size_t i = 0; i < kWanted; ++i) EXPECT_EQ(kept[i], plain[i].second) << i;
  }
}

// Row i lies i + 1 away from the query.
class LineTest : public ::testing::Test {
 protected:
  static constexpr size_t kRows = 20;
  static constexpr size_t kWanted = 3;

  static testing::Matrix Line() {
    testing::Matrix line{1, {}};
    for (size_t row = 0; row < kRows; ++row) line.values.push_back(static_cast<float>(row + 1));
    return line;
  }

  // Found in this order, at costs of 0, 1, 2 ...
  static std::vector<WalkedRow> Found(const std::vector<uint32_t>& rows) {
    std::vector<WalkedRow> found;
    for (const uint32_t row : rows) found.push_back({static_cast<float>(found.size()), row});
    return found;
  }
  static std::vector<WalkedRow> FoundInOrder() {
    std::vector<uint32_t> rows(kRows);
    std::iota(rows.begin(), rows.end(), 0U);
    return Found(rows);
  }
  static std::vector<WalkedRow> FoundInReverse() {
    std::vector<uint32_t> rows(kRows);
    std::iota(rows.rbegin(), rows.rend(), 0U);
    return Found(rows);
  }

  testing::Block block_{Line()};
  const std::vector<float> query_ = {0};
  const Scorer scorer_{Metric::kEuclid, query_, 1, Renormalize::kNo};
  testing::Block coded_{testing::Clustered(10, 16, 1)};
  const std::vector<float> coded_query_ = std::vector<float>(16, 0.25F);
  const CodeScorer by_codes_{coded_.Codes({4, true}), Metric::kCosine, coded_query_, 16,
                             Renormalize::kYes};
  SearchStats stats_;
  Ranking ranking_{scorer_, kWanted, stats_};
};

TEST_F(LineTest, TellsWhichWasTheLastToEnter) {
  EXPECT_EQ(ranking_.RankFound(block_.View(), Found({9, 8, 7, 12, 5, 11})), 5U);
  EXPECT_EQ(ranking_.Bar(), scorer_.CostOf(9));
  EXPECT_EQ(ranking_.RankFound(block_.View(), Found({13, 14})), 0U);
  EXPECT_EQ(ranking_.RankFound(block_.View(), {}), 0U);
  EXPECT_EQ(Kept(ranking_), (std::vector<uint32_t>{5, 7, 8}));
}

TEST_F(LineTest, CostsThatAreKnownAreNotComputed) {
  ranking_.RankKnown(block_.View(), std::vector<WalkedRow>{{5, 4}, {2, 1}, {7, 6}, {3, 2}});
  EXPECT_EQ(stats_.candidates, 4U);
  EXPECT_EQ(stats_.distances, 0U);
  EXPECT_EQ(Kept(ranking_), (std::vector<uint32_t>{1, 2, 4}));
}

TEST_F(LineTest, SomeBeyondTheLimitAreRanked) {
  ranking_.RankByErrors(block_.View(), by_codes_, FoundInOrder(), 2);
  EXPECT_GT(stats_.candidates, 3U);
  EXPECT_LT(stats_.candidates, 10U);
  EXPECT_EQ(Kept(ranking_), (std::vector<uint32_t>{0, 1, 2}));
}

TEST_F(LineTest, BeyondTheLimitAllAreRankedThatAreNearerThanTheirCodesSay) {
  ranking_.RankByErrors(block_.View(), by_codes_, FoundInReverse(), -1);
  EXPECT_EQ(stats_.candidates, kRows);
  EXPECT_EQ(Kept(ranking_), (std::vector<uint32_t>{0, 1, 2}));
}

TEST_F(LineTest, WhereNothingWasFoundNothingIsRanked) {
  ranking_.RankByErrors(block_.View(), by_codes_, {}, kInfinity);
  EXPECT_EQ(stats_.candidates, 0U);
}

TEST_F(LineTest, NothingIsLeftOutWhileThereIsRoom) {
  ranking_.Rank(block_.View(), std::vector<uint32_t>{3, 1, 2});
  EXPECT_FALSE(ranking_.nearest().overflowed());
  EXPECT_EQ(ranking_.Bar(), scorer_.CostOf(4));
  ranking_.LeaveOut();
  EXPECT_TRUE(ranking_.nearest().overflowed());
}

// What a walk that misses nothing finds by codes.
std::vector<WalkedRow> FoundByCodes(const CodeScorer& by_codes, size_t rows, size_t count) {
  std::vector<uint32_t> all(rows);
  std::iota(all.begin(), all.end(), 0U);
  std::vector<WalkedRow> found = CostsOfCodes(by_codes, all);
  std::sort(found.begin(), found.end());
  found.resize(count);
  return found;
}

// Whatever the number that is wanted, about what a ranking of all that was found keeps is found by
// ranking a part of it.
TEST(RankByErrorsTest, WhatIsLeftOutIsFarther) {
  constexpr size_t kWidth = 128;
  constexpr size_t kRows = 2000;
  constexpr size_t kQueries = 50;
  constexpr size_t kFound = 60;
  testing::Block block(testing::Clustered(kRows, kWidth, 1));
  const CodeView codes = block.Codes({4, true});
  const testing::Matrix queries = testing::Clustered(kQueries, kWidth, 2);
  for (const size_t wanted : {1U, 3U, 10U, 25U}) {
    size_t ranked = 0;
    size_t missed = 0;
    for (size_t i = 0; i < kQueries; ++i) {
      const Scorer scorer(Metric::kCosine, queries.Row(i), kWidth, Renormalize::kYes);
      const CodeScorer by_codes(codes, Metric::kCosine, queries.Row(i), kWidth, Renormalize::kYes);
      ASSERT_TRUE(by_codes.TellsErrors());
      const std::vector<WalkedRow> found = FoundByCodes(by_codes, kRows, kFound);
      SearchStats stats;
      Ranking ranking(scorer, wanted, stats);
      ranking.RankByErrors(block.View(), by_codes, found, kInfinity);
      ranked += stats.candidates;

      SearchStats whole_stats;
      Ranking whole(scorer, wanted, whole_stats);
      whole.RankFound(block.View(), found);
      const std::vector<uint32_t> expected = Kept(whole);
      const std::vector<uint32_t> kept = Kept(ranking);
      const std::set<uint32_t> kept_set(kept.begin(), kept.end());
      missed += static_cast<size_t>(std::count_if(
          expected.begin(), expected.end(), [&](uint32_t row) { return !kept_set.contains(row); }));
    }
    EXPECT_LE(missed, kQueries * wanted / 200) << wanted;
    EXPECT_LT(ranked, kQueries * kFound * 3 / 4) << wanted;
    EXPECT_GE(ranked, kQueries * std::max(wanted, kFewestErrors)) << wanted;
  }
}

// Codes whose costs say little: more than usual are ranked, and the nearest are found.
TEST(RankByErrorsTest, TheLessCodesTellTheMoreAreRanked) {
  constexpr size_t kWidth = 128;
  constexpr size_t kFound = 60;
  constexpr size_t kWanted = 10;
  const testing::Matrix vectors = testing::Clustered(2000, kWidth, 1);
  testing::Block block(vectors);
  const CodeView codes = block.Codes({4, true});
  const testing::Matrix queries = testing::Clustered(20, kWidth, 2);
  std::mt19937 random(5);
  size_t usual = 0;
  size_t ranked = 0;
  for (size_t i = 0; i < queries.count(); ++i) {
    const Scorer scorer(Metric::kCosine, queries.Row(i), kWidth, Renormalize::kYes);
    const CodeScorer by_codes(codes, Metric::kCosine, queries.Row(i), kWidth, Renormalize::kYes);
    std::vector<WalkedRow> found = FoundByCodes(by_codes, vectors.count(), kFound);
    SearchStats stats;
    Ranking ranking(scorer, kWanted, stats);
    ranking.RankByErrors(block.View(), by_codes, found, kInfinity);
    usual += stats.candidates;
    // As if the costs were those of other rows near by.
    std::vector<uint32_t> rows;
    for (const WalkedRow& row : found) rows.push_back(row.row);
    std::shuffle(rows.begin(), rows.end(), random);
    for (size_t k = 0; k < kFound; ++k) found[k].row = rows[k];
    SearchStats wrong_stats;
    Ranking wrong(scorer, kWanted, wrong_stats);
    wrong.RankByErrors(block.View(), by_codes, found, kInfinity);
    ranked += wrong_stats.candidates;
  }
  EXPECT_GT(ranked, 3 * usual / 2);
}

}  // namespace
}  // namespace vecnest::index
