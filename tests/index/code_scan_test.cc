#include "index/code_scan.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

// From the definition: the nearest until there are `wanted` rows and `different` costs, and
// whatever else has the last of these costs.
std::vector<WalkedRow> PlainRanked(std::vector<WalkedRow> found, size_t wanted, size_t different) {
  std::sort(found.begin(), found.end());
  std::vector<WalkedRow> ranked;
  std::set<float> costs;
  for (const WalkedRow& row : found) {
    const bool enough = ranked.size() >= wanted && costs.size() >= different;
    if (enough && !costs.contains(row.cost)) break;
    costs.insert(row.cost);
    ranked.push_back(row);
  }
  return ranked;
}

TEST(CodeScanTest, KeepsWhatHasToBeRanked) {
  std::mt19937 random(1);
  for (const uint32_t costs : {1U, 3U, 50U, 1000000U}) {
    for (const size_t count : {0U, 1U, 18U, 19U, 1024U}) {
      std::vector<WalkedRow> found(count);
      for (size_t i = 0; i < count; ++i) {
        found[i] = {static_cast<float>(random() % costs), static_cast<uint32_t>(i)};
      }
      for (const size_t wanted : {1U, 10U, 500U, 5000U}) {
        const std::vector<WalkedRow> expected = PlainRanked(found, wanted, wanted + 8);
        std::vector<WalkedRow> kept = found;
        KeepRanked(kept, wanted, wanted + 8);
        EXPECT_EQ(kept, expected) << costs << " " << count << " " << wanted;
        std::sort(found.begin(), found.end());
        EXPECT_EQ(RankedDepth(found, wanted, wanted + 8), expected.size());
        std::shuffle(found.begin(), found.end(), random);
      }
    }
  }
}

TEST(CodeScanTest, CostsAreThoseOfEachRow) {
  testing::Block block(testing::Clustered(200, 96, 1));
  const testing::Matrix query = testing::Clustered(1, 96, 2);
  const CodeScorer scorer(block.Codes(), Metric::kCosine, query.Row(0), 96, Renormalize::kYes);
  const std::vector<uint32_t> rows = {7, 3, 199, 0};
  const std::vector<WalkedRow> found = CostsOfCodes(scorer, rows);
  ASSERT_EQ(found.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(found[i].row, rows[i]);
    EXPECT_EQ(found[i].cost, scorer.Cost(rows[i]));
  }
  EXPECT_TRUE(CostsOfCodes(scorer, {}).empty());
  const float limit = found[1].cost;
  for (const WalkedRow& row : CostsOfCodes(scorer, rows, limit)) EXPECT_LE(row.cost, limit);
  EXPECT_EQ(CostsOfCodes(scorer, rows, limit).size(),
            static_cast<size_t>(std::count_if(found.begin(), found.end(),
                                              [&](const auto& row) { return row.cost <= limit; })));
}

// Of rows whose codes are as good as rounding lets them be few of the nearest are left out, and
// many others; of rows whose vectors cost something else than their codes say, none.
TEST(CodeScanTest, WhatMayWellBeNearerIsLookedAt) {
  constexpr size_t kWidth = 128;
  constexpr size_t kRows = 2000;
  constexpr size_t kWanted = 10;
  constexpr size_t kDepth = 40;
  const testing::Matrix points = testing::Clustered(kRows, kWidth, 1);
  testing::Block block(points);
  const CodeView codes = block.Codes({4, true});
  const testing::Matrix queries = testing::Clustered(100, kWidth, 2);
  std::vector<uint32_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0U);
  size_t likely = 0;
  size_t missed = 0;
  for (size_t query = 0; query < queries.count(); ++query) {
    const CodeScorer by_codes(codes, Metric::kCosine, queries.Row(query), kWidth,
                              Renormalize::kYes);
    const Scorer by_vectors(Metric::kCosine, queries.Row(query), kWidth, Renormalize::kYes);
    std::vector<WalkedRow> found = CostsOfCodes(by_codes, rows);
    std::sort(found.begin(), found.end());
    found.resize(kDepth);
    std::vector<float> costs;
    for (const WalkedRow& row : found) {
      costs.push_back(by_vectors.CostOf(static_cast<float>(testing::PlainScore(
          Metric::kCosine, queries.Row(query), points.Row(row.row), kWidth, true))));
    }
    const absl::Span<const WalkedRow> first = absl::MakeConstSpan(found).first(kWanted);
    const absl::Span<const WalkedRow> others = absl::MakeConstSpan(found).subspan(kWanted);
    const float bar = *std::max_element(costs.begin(), costs.begin() + kWanted);
    const RankedCosts ranked{first, absl::MakeConstSpan(costs).first(kWanted)};
    const size_t near = LikelyNearer(by_codes, by_vectors, ranked, others, bar);
    likely += near;
    missed +=
        static_cast<size_t>(std::count_if(costs.begin() + static_cast<ptrdiff_t>(kWanted + near),
                                          costs.end(), [bar](float cost) { return cost < bar; }));

    std::vector<float> unlike(costs.begin(), costs.begin() + kWanted);
    for (size_t i = 0; i < kWanted; ++i) unlike[i] += i % 2 == 0 ? -0.2F : 0.2F;
    EXPECT_EQ(LikelyNearer(by_codes, by_vectors, {first, unlike}, others, bar), others.size());
  }
  EXPECT_LT(missed, queries.count() * kWanted / 200) << "of the nearest";
  EXPECT_LT(likely, queries.count() * (kDepth - kWanted) / 2);
  EXPECT_GT(likely, queries.count() / 2);
}

TEST(CodeScanTest, AllMayBeNearerWhereErrorsAreNotKnown) {
  constexpr size_t kWidth = 128;
  testing::Block block(testing::Clustered(30, kWidth, 1));
  const testing::Matrix query = testing::Clustered(1, kWidth, 2);
  const CodeView codes = block.Codes({4, false});
  for (const Metric metric : {Metric::kDot, Metric::kEuclid}) {
    const CodeScorer by_codes(codes, metric, query.Row(0), kWidth, Renormalize::kNo);
    const Scorer by_vectors(metric, query.Row(0), kWidth, Renormalize::kNo);
    const std::vector<WalkedRow> found = {{-9, 1}, {-8, 2}, {1e6F, 3}};
    const std::vector<float> costs = {-9};
    EXPECT_EQ(LikelyNearer(by_codes, by_vectors, {absl::MakeConstSpan(found).first(1), costs},
                           absl::MakeConstSpan(found).subspan(1), -9),
              2);
  }
}

// Runs with centers of their own; what is kept has the nearest of all of them, by plain scores.
TEST(CodeScanTest, OfAllRunsTheNearestAreKept) {
  constexpr size_t kDifferent = 20;
  constexpr size_t kRunRows = 300;
  const testing::Matrix query = testing::Clustered(1, 96, 2);
  std::vector<uint32_t> rows(kRunRows);
  std::iota(rows.begin(), rows.end(), 0U);
  std::vector<std::unique_ptr<testing::Block>> blocks;
  std::vector<double> scores;
  ScannedRuns runs;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    testing::Matrix points = testing::Clustered(kRunRows, 96, seed);
    for (float& value : points.values) value += 0.02F * static_cast<float>(seed);
    for (const uint32_t row : rows) {
      scores.push_back(
          testing::PlainScore(Metric::kCosine, query.Row(0), points.Row(row), 96, true));
    }
    blocks.push_back(std::make_unique<testing::Block>(points));
    const CodeScorer scorer(blocks.back()->Codes(), Metric::kCosine, query.Row(0), 96,
                            Renormalize::kYes);
    std::vector<WalkedRow> found = CostsOfCodes(scorer, rows, runs.Limit(scorer));
    KeepRanked(found, kDifferent, kDifferent);
    runs.Add(blocks.back()->View(), scorer, std::move(found), kDifferent);
    EXPECT_EQ(std::isfinite(runs.Limit(scorer)), seed > 1) << "once there are enough";
  }
  std::vector<double> kept;
  EXPECT_FALSE(runs.ForEach([&](const Rows& block, absl::Span<const WalkedRow> found) {
    EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
    for (size_t run = 0; run < blocks.size(); ++run) {
      if (blocks[run]->View().labels != block.labels) continue;
      for (const WalkedRow& row : found) kept.push_back(scores[run * kRunRows + row.row]);
    }
  }));
  EXPECT_LE(kept.size(), 2 * kDifferent + 2) << "of some 120 that the runs have left";
  std::sort(scores.begin(), scores.end(), std::greater<>());
  EXPECT_EQ(std::count_if(kept.begin(), kept.end(),
                          [&](double score) { return score >= scores[kDifferent - 1]; }),
            static_cast<ptrdiff_t>(kDifferent));
}

TEST(CodeScanTest, AllOfFewAreKept) {
  testing::Block block(testing::Clustered(30, 96, 1));
  const testing::Matrix query = testing::Clustered(1, 96, 2);
  const CodeScorer scorer(block.Codes(), Metric::kCosine, query.Row(0), 96, Renormalize::kYes);
  ScannedRuns runs;
  std::vector<WalkedRow> found = CostsOfCodes(scorer, std::vector<uint32_t>{5, 9, 2});
  std::sort(found.begin(), found.end());
  runs.Add(block.View(), scorer, found, 20);
  EXPECT_EQ(runs.Limit(scorer), std::numeric_limits<float>::infinity());
  size_t kept = 0;
  EXPECT_TRUE(
      runs.ForEach([&](const Rows&, absl::Span<const WalkedRow> near) { kept += near.size(); }));
  EXPECT_EQ(kept, 3u);
}

}  // namespace
}  // namespace vecnest::index
