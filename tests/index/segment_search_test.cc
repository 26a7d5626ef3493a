#include "index/segment_search.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/metric.h"
#include "tests/index/test_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kRows = 6000;
constexpr size_t kWidth = 48;

// Labels 1 .. kRows sealed, the next 100 growing; the key of a label is the label.
class SegmentSearchTest : public ::testing::Test {
 protected:
  SegmentSearchTest() : points_(testing::Clustered(kRows + 100, kWidth, 1)) {
    testing::Matrix sealed{kWidth, points_.values};
    sealed.values.resize(kRows * kWidth);
    EXPECT_TRUE(WriteSegmentFile(directory_.path(), "a", sealed).ok());
    set_.emplace(kWidth, Metric::kCosine, ValueFormat::kF32,
                 std::vector<std::shared_ptr<SealedSegment>>{
                     *SealedSegment::Open(directory_.path(), "a", kWidth)},
                 kRows);
    for (size_t row = kRows; row < points_.count(); ++row) {
      EXPECT_TRUE(set_->Add(row + 1, testing::KeyOf(row + 1), static_cast<PointNumber>(row + 1),
                            points_.Row(row), 1.0F));
    }
  }

  std::vector<ScoredLabel> Search(const SearchParams& params, Metric metric = Metric::kCosine) {
    return SearchSegments(set_->View(), queries_.Row(0), params, metric, set_->unit_norm(), stats_);
  }

  TemporaryDirectory directory_;
  testing::Matrix points_;
  const testing::Matrix queries_ = testing::Clustered(1, kWidth, 2);
  std::optional<SegmentSet> set_;
  SearchStats stats_;
};

TEST_F(SegmentSearchTest, StrategyIsToldTruly) {
  SearchParams params;
  Search(params);
  EXPECT_EQ(stats_.strategy, "graph and exact scan");
  EXPECT_FALSE(stats_.exact);
  EXPECT_EQ(stats_.segments_walked, 1U);
  EXPECT_EQ(stats_.segments_scanned, 1U);
  EXPECT_LT(stats_.distances, kRows);

  Search(params, Metric::kEuclid);
  EXPECT_FALSE(stats_.exact);
  Search(params, Metric::kManhattan);
  EXPECT_TRUE(stats_.exact);
  EXPECT_EQ(stats_.strategy, "exact scan (no graph for this metric)");
  EXPECT_EQ(stats_.distances, kRows + 100);

  params.exact = true;
  Search(params);
  EXPECT_EQ(stats_.strategy, "exact scan (asked for)");

  params = {};
  params.dimensions = 16;
  Search(params, Metric::kDot);
  EXPECT_TRUE(stats_.renormalized);
  EXPECT_EQ(stats_.dimensions, 16);
  Search(params, Metric::kCosine);
  EXPECT_FALSE(stats_.renormalized);

  EXPECT_TRUE(set_->Add(kRows + 200, {}, static_cast<PointNumber>(kRows + 200),
                        std::vector<float>(kWidth, 2.0F), 0.1F));
  Search(params, Metric::kDot);
  EXPECT_FALSE(stats_.renormalized);
  EXPECT_EQ(stats_.strategy, "exact scan (no graph for this metric)");
}

TEST_F(SegmentSearchTest, FewMatchesAreScannedAndManyAreWalked) {
  PointSet few(kRows + 1);
  for (PointNumber number = 1; number <= kRows; number += 50) few.Add(number);
  SearchParams params;
  params.allowed = &few;
  params.k = 200;
  EXPECT_EQ(Search(params).size(), few.count());
  EXPECT_EQ(stats_.strategy, "exact scan (few matches)");

  PointSet many(kRows + 1);
  for (PointNumber number = 1; number <= kRows; ++number) {
    if (number % 20 != 0) many.Add(number);
  }
  params.allowed = &many;
  params.k = 10;
  for (const ScoredLabel& found : Search(params)) EXPECT_NE(found.label % 20, 0U);
  EXPECT_EQ(stats_.segments_walked, 1U);
  EXPECT_EQ(stats_.strategy.substr(0, 14), "filtered graph");

  const PointSet none(0);
  params.allowed = &none;
  EXPECT_TRUE(Search(params).empty());
}

TEST_F(SegmentSearchTest, MoreThanThereIsReturnsAllThatLives) {
  for (Label label = 1; label <= 1000; ++label) EXPECT_TRUE(set_->Delete(label));
  SearchParams params;
  params.k = 1000000000;
  EXPECT_EQ(Search(params).size(), kRows + 100 - 1000);
  params.k = 0;
  EXPECT_TRUE(Search(params).empty());
}

TEST_F(SegmentSearchTest, ThresholdsCut) {
  SearchParams params;
  params.k = 50;
  params.exact = true;
  const std::vector<ScoredLabel> all = Search(params);
  params.score_threshold = all[20].score;
  EXPECT_EQ(Search(params).size(), 21U);
  const std::vector<ScoredLabel> euclid = Search({.k = 50, .exact = true}, Metric::kEuclid);
  params.score_threshold = euclid[10].score;
  EXPECT_EQ(Search(params, Metric::kEuclid).size(), 11U);
}

// A range search: the limit is out of reach, and the walk ends where the range does.
TEST_F(SegmentSearchTest, WalksFindWhatIsInRange) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
    for (const int dimensions : {48, 24}) {
      SearchParams params;
      params.dimensions = dimensions;
      params.k = 5000;
      params.exact = true;
      const std::vector<ScoredLabel> all = Search(params, metric);
      for (const size_t in_range : {size_t{0}, size_t{3}, size_t{40}, size_t{400}}) {
        const float best = all.front().score;
        params.score_threshold = in_range > 0             ? all[in_range - 1].score
                                 : LargerIsNearer(metric) ? best + 0.01F
                                                          : best - 0.01F;
        params.exact = false;
        const std::vector<ScoredLabel> found = Search(params, metric);
        EXPECT_EQ(stats_.segments_walked, 1U);
        EXPECT_LT(stats_.distances, kRows * 2 / 3);
        EXPECT_LE(found.size(), in_range);
        EXPECT_GE(found.size(), in_range * 97 / 100) << static_cast<int>(metric) << dimensions;
        params.k = 20;
        EXPECT_EQ(Search(params, metric).size(), std::min<size_t>(20, found.size()));
        params.k = 5000;
      }
    }
  }
}

// What a search finds, it finds with a threshold that just lets it through.
TEST_F(SegmentSearchTest, ThresholdsTakeNothingAway) {
  for (const size_t limit : {size_t{10}, size_t{50}, size_t{100}}) {
    const std::vector<ScoredLabel> plain = Search({.k = limit});
    const std::vector<ScoredLabel> found =
        Search({.k = limit, .score_threshold = plain.back().score});
    ASSERT_EQ(found.size(), limit);
    for (size_t i = 0; i < limit; ++i) EXPECT_GE(found[i].score, plain[i].score);
  }
}

// A threshold that everything passes asks for no more than the limit does.
TEST_F(SegmentSearchTest, LooseThresholdsCostLittle) {
  Search({});
  const size_t plain = stats_.distances;
  const std::vector<ScoredLabel> found = Search({.score_threshold = -1.0F});
  EXPECT_EQ(found.size(), 10U);
  EXPECT_LE(stats_.distances, 2 * plain);
  // So many in range are scanned.
  EXPECT_EQ(Search({.k = 6100, .score_threshold = -1.0F}).size(), kRows + 100);
  EXPECT_LE(stats_.distances, 3 * kRows);
}

TEST_F(SegmentSearchTest, ThresholdsLimitsAndFiltersEndInOneScan) {
  PointSet most(kRows + 101);
  for (PointNumber number = 1; number <= kRows + 100; ++number) {
    if (number % 20 != 0) most.Add(number);
  }
  const SearchParams params{.k = 7000, .allowed = &most, .score_threshold = -1.0F};
  EXPECT_EQ(Search(params).size(), most.count());
  EXPECT_LE(stats_.distances, 3 * kRows);
}

// How many of what a walk found by 4-bit codes are ranked for `k`, on average.
double Ranked(const SegmentSet& set, const testing::Matrix& queries, size_t k, Metric metric) {
  size_t ranked = 0;
  for (size_t query = 0; query < queries.count(); ++query) {
    SearchStats stats;
    SearchParams params;
    params.k = k;
    params.ef = 40;
    SearchSegments(set.View(), queries.Row(query), params, metric, set.unit_norm(), stats);
    EXPECT_EQ(stats.segments_walked, 1U);
    ranked += stats.candidates;
  }
  return static_cast<double>(ranked) / static_cast<double>(queries.count());
}

TEST(RankedRowsTest, WhatCodesTellToBeFartherIsLeftOutWhereEnoughIsKnown) {
  constexpr size_t kWide = 128;
  const testing::Matrix queries = testing::Clustered(50, kWide, 2);
  for (const Metric metric : {Metric::kCosine, Metric::kEuclid}) {
    const TemporaryDirectory directory;
    GraphParams build;
    build.metric = metric;
    ASSERT_TRUE(
        WriteSegmentFile(directory.path(), "a", testing::Clustered(4000, kWide, 1), build).ok());
    const SegmentSet set(kWide, metric, ValueFormat::kF32,
                         {*SealedSegment::Open(directory.path(), "a", kWide)}, 4000);
    EXPECT_GE(Ranked(set, queries, 1, metric), 9.0) << "few errors tell nothing";
    if (metric == Metric::kCosine) {
      EXPECT_LT(Ranked(set, queries, 10, metric), 21.0) << "of 40 found";
      EXPECT_GT(Ranked(set, queries, 10, metric), 10.0);
    } else {
      EXPECT_GE(Ranked(set, queries, 10, metric), 18.0);
    }
  }
}

// Where neighbours differ by less than codes tell, a longer walk has to rank more of what it found.
TEST(RankedRowsTest, LongerWalksFindMoreWhereCodesTellLittle) {
  constexpr size_t kWide = 384;
  constexpr size_t kCount = 3000;
  constexpr size_t kQueries = 60;
  constexpr size_t kCenters = 10;
  // Noise in all directions, around a few centers.
  testing::Matrix all{kWide, testing::Normal((kCount + kQueries) * kWide, 1)};
  const std::vector<float> centers = testing::Normal(kCenters * kWide, 2);
  for (size_t row = 0; row < all.count(); ++row) {
    float* const vector = &all.values[row * kWide];
    const float* const center = &centers[row % kCenters * kWide];
    for (size_t i = 0; i < kWide; ++i) vector[i] = 0.7F * vector[i] + center[i];
    testing::Normalize(vector, kWide);
  }
  const auto split = all.values.begin() + static_cast<ptrdiff_t>(kCount * kWide);
  const testing::Matrix points{kWide, {all.values.begin(), split}};
  const testing::Matrix queries{kWide, {split, all.values.end()}};
  const TemporaryDirectory directory;
  ASSERT_TRUE(WriteSegmentFile(directory.path(), "a", points).ok());
  const SegmentSet set(kWide, Metric::kCosine, ValueFormat::kF32,
                       {*SealedSegment::Open(directory.path(), "a", kWide)}, kCount);
  size_t found = 0;
  for (size_t query = 0; query < kQueries; ++query) {
    std::vector<std::pair<double, Label>> scores;
    for (size_t row = 0; row < kCount; ++row) {
      scores.emplace_back(
          -testing::PlainScore(Metric::kCosine, queries.Row(query), points.Row(row), kWide, true),
          row + 1);
    }
    std::sort(scores.begin(), scores.end());
    std::set<Label> nearest;
    for (size_t i = 0; i < 10; ++i) nearest.insert(scores[i].second);
    SearchStats stats;
    SearchParams params;
    params.ef = 80;
    for (const ScoredLabel& answer : SearchSegments(set.View(), queries.Row(query), params,
                                                    Metric::kCosine, set.unit_norm(), stats)) {
      found += nearest.count(answer.label);
    }
    EXPECT_EQ(stats.segments_walked, 1U);
  }
  EXPECT_GE(found, kQueries * 10 * 98 / 100);
}

// A large sealed segment and small ones after it.
class SeveralSegmentsTest : public ::testing::Test {
 protected:
  static constexpr size_t kWide = 192;
  static constexpr size_t kLarge = 12000;
  static constexpr size_t kSmall = 3000;
  static constexpr size_t kSegments = 4;
  static constexpr size_t kAll = kLarge + (kSegments - 1) * kSmall;

  void Seal(testing::Matrix points, IndexConfig config = testing::Config(kWide, kAll)) {
    points_ = std::move(points);
    live_.assign(kAll, true);
    index_ = testing::MustOpen(directory_.path() + "/" + std::to_string(++indexes_), config);
    for (size_t end = kLarge, first = 0; end <= kAll; first = end, end += kSmall) {
      testing::AddRows(*index_, points_, first, end);
      ASSERT_TRUE(index_->SealAll().ok());
    }
  }

  struct Found {
    double recall = 0;
    size_t distances = 0;
    size_t candidates = 0;
  };
  // Of the ten nearest, against plain loops.
  Found Search(const testing::Matrix& queries, const SearchParams& params,
               Metric metric = Metric::kCosine) {
    const size_t width = params.dimensions > 0 ? static_cast<size_t>(params.dimensions) : kWide;
    const double sign = LargerIsNearer(metric) ? -1 : 1;
    const bool unit = index_->Stats().unit_norm;
    Found all;
    for (size_t i = 0; i < queries.count(); ++i) {
      std::vector<double> costs;
      for (size_t row = 0; row < kAll; ++row) {
        if (!live_[row]) continue;
        costs.push_back(sign *
                        testing::PlainScore(metric, queries.Row(i), points_.Row(row), width, unit));
      }
      std::nth_element(costs.begin(), costs.begin() + 9, costs.end());
      SearchStats stats;
      const auto hits = index_->Search(queries.Row(i), params, &stats);
      EXPECT_EQ(hits->size(), 10U);
      for (const ScoredLabel& hit : *hits) {
        all.recall += sign * hit.score <= costs[9] + 1e-4 * std::fabs(costs[9]) ? 1 : 0;
      }
      all.distances += stats.distances;
      all.candidates += stats.candidates;
      EXPECT_EQ(stats.segments_walked, kSegments);
    }
    all.recall /= static_cast<double>(10 * queries.count());
    return all;
  }

  // As walks that know nothing of each other.
  void ExpectAsGoodAsAlone(SearchParams params, Metric metric) {
    const double together = Search(queries_, params, metric).recall;
    params.ef = 40;
    const double alone = Search(queries_, params, metric).recall;
    EXPECT_GE(together, alone - 0.02) << static_cast<int>(metric) << " " << params.dimensions;
    EXPECT_GE(alone, 0.7) << static_cast<int>(metric) << " " << params.dimensions;
  }

  // Moves them to where no others are.
  static void Move(testing::Matrix& matrix) {
    for (size_t row = 0; row < matrix.count(); ++row) {
      float* vector = &matrix.values[row * kWide];
      for (size_t i = 0; i < kWide; ++i) vector[i] -= 0.15F;
      testing::Normalize(vector, kWide);
    }
  }

  TemporaryDirectory directory_;
  int indexes_ = 0;
  testing::Matrix points_;
  std::vector<bool> live_;
  std::unique_ptr<VectorIndex> index_;
  const testing::Matrix queries_ = testing::Clustered(30, kWide, 2);
};

TEST_F(SeveralSegmentsTest, WhatTheLargestHasSparesTheOthersWork) {
  Seal(testing::Clustered(kAll, kWide, 1));
  const Found found = Search(queries_, {});
  // The smallest ef that any of them has by itself, and as many ranked.
  const Found literally = Search(queries_, {.ef = 40, .rescored = 18});
  EXPECT_GE(found.recall, 0.98);
  EXPECT_GE(found.recall, literally.recall - 0.01);
  EXPECT_LT(found.distances, literally.distances * 9 / 10);
  EXPECT_LT(found.candidates, literally.candidates * 3 / 4);
}

// Everything near is in the last small segment: there the bar that the others set is low.
TEST_F(SeveralSegmentsTest, FindsWhatOnlyASmallSegmentHas) {
  testing::Matrix points = testing::Clustered(kAll, kWide, 1);
  testing::Matrix away = testing::Clustered(kSmall, kWide, 5);
  testing::Matrix queries = queries_;
  Move(away);
  Move(queries);
  std::copy(away.values.begin(), away.values.end(),
            points.values.end() - static_cast<ptrdiff_t>(away.values.size()));
  for (const int bits : {4, 8, 1}) {
    IndexConfig config = testing::Config(kWide, kAll);
    config.code_bits = bits;
    Seal(points, config);
    // As if there were no others.
    const double alone = Search(queries, {.ef = bits == 1 ? 0U : 40U}).recall;
    EXPECT_GE(Search(queries, {}).recall, alone - 0.005) << bits;
    EXPECT_GE(alone, bits == 1 ? 0.9 : 0.98) << bits;
  }
}

// The answer is a handful of rows in a small segment of another topic, whose codes cut them.
TEST_F(SeveralSegmentsTest, FindsRowsThatCodesDoNotFit) {
  testing::Matrix points = testing::Clustered(kAll, kWide, 1);
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const auto near = [&](size_t like, float spread) {
    const absl::Span<const float> row = points.Row(like);
    std::vector<float> vector(row.begin(), row.end());
    for (float& value : vector) value += spread * normal(random);
    testing::Normalize(vector.data(), kWide);
    return vector;
  };
  for (size_t row = kAll - kSmall; row < kAll; ++row) {
    const std::vector<float> vector = row % 300 == 7 ? near(1, 0.04F) : near(0, 0.05F);
    std::copy(vector.begin(), vector.end(), &points.values[row * kWide]);
  }
  // The largest has what is nearly as near.
  for (size_t row = 100; row < 120; ++row) {
    const std::vector<float> vector = near(1, 0.05F);
    std::copy(vector.begin(), vector.end(), &points.values[row * kWide]);
  }
  testing::Matrix queries{kWide, {}};
  for (int i = 0; i < 20; ++i) {
    const std::vector<float> query = near(1, 0.03F);
    queries.values.insert(queries.values.end(), query.begin(), query.end());
  }
  Seal(std::move(points));
  const double alone = Search(queries, {.ef = 40}).recall;
  // By default the small segment, where so much is hard to find, would be scanned.
  const double together = Search(queries, {.recall = 0.8F}).recall;
  EXPECT_GE(alone, 0.95);
  EXPECT_GE(together, 0.95);
}

TEST_F(SeveralSegmentsTest, AtEveryMetricAndWidthAndAfterDeletions) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    IndexConfig config = testing::Config(kWide, kAll);
    config.metric = metric;
    config.m = 16;
    config.ef_construct = 100;
    Seal(testing::Clustered(kAll, kWide, 1, /*unit=*/metric == Metric::kCosine), config);
    for (const int dimensions : {0, 96}) {
      const SearchParams params{.dimensions = dimensions};
      ExpectAsGoodAsAlone(params, metric);
    }
    for (size_t row = 0; row < kAll; row += 5) {
      EXPECT_TRUE(index_->Delete(row + 1));
      live_[row] = false;
    }
    ExpectAsGoodAsAlone({}, metric);
  }
}

TEST_F(SegmentSearchTest, OfTwoVersionsOfAKeyTheLaterIsReturned) {
  SearchParams params;
  params.k = 3;
  const std::vector<ScoredLabel> before = Search(params);
  // The nearest three get second versions which are nearer still; the first ones are not deleted.
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(set_->Add(kRows + 1000 + i, before[i].key,
                          static_cast<PointNumber>(kRows + 1000 + i), queries_.Row(0), 1.0F));
  }
  const std::vector<ScoredLabel> after = Search(params);
  ASSERT_EQ(after.size(), 3U);
  std::set<PointKey> keys;
  for (const ScoredLabel& found : after) {
    EXPECT_GE(found.label, kRows + 1000);
    keys.insert(found.key);
  }
  EXPECT_EQ(keys.size(), 3U);
  params.k = 6;
  EXPECT_EQ(Search(params).size(), 6U);
}

TEST_F(SegmentSearchTest, EqualScoresComeInTheOrderOfKeys) {
  for (uint64_t i = 0; i < 50; ++i) {
    EXPECT_TRUE(set_->Add(kRows + 1000 + i, testing::KeyOf(100000 - i),
                          static_cast<PointNumber>(kRows + 1000 + i), queries_.Row(0), 1.0F));
  }
  SearchParams params;
  params.k = 20;
  const std::vector<ScoredLabel> found = Search(params);
  ASSERT_EQ(found.size(), 20U);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(found[i].key, testing::KeyOf(100000 - 49 + i));
}

TEST_F(SegmentSearchTest, ZeroQueriesAreScanned) {
  const std::vector<float> zero(kWidth, 0.0F);
  SearchParams params;
  const std::vector<ScoredLabel> found =
      SearchSegments(set_->View(), zero, params, Metric::kCosine, true, stats_);
  ASSERT_EQ(found.size(), 10U);
  EXPECT_TRUE(stats_.exact);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(found[i].key, testing::KeyOf(i + 1));
    EXPECT_EQ(found[i].score, 0.0F);
  }
}

}  // namespace
}  // namespace vecnest::index
