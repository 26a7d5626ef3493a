#include "index/segment_search.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
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

// A large sealed segment and small ones after it.
class SeveralSegmentsTest : public ::testing::Test {
 protected:
  static constexpr size_t kWide = 192;
  static constexpr size_t kLarge = 12000;
  static constexpr size_t kSmall = 3000;
  static constexpr size_t kSegments = 4;
  static constexpr size_t kAll = kLarge + (kSegments - 1) * kSmall;

  void Seal(const testing::Matrix& points) {
    index_ = testing::MustOpen(directory_.path(), testing::Config(kWide, kAll));
    for (size_t end = kLarge, first = 0; end <= kAll; first = end, end += kSmall) {
      testing::AddRows(*index_, points, first, end);
      ASSERT_TRUE(index_->SealAll().ok());
    }
  }

  struct Found {
    double recall = 0;
    size_t distances = 0;
    size_t candidates = 0;
    size_t ef = 0;
  };
  // Of the ten nearest, against plain loops.
  Found Search(const testing::Matrix& points, const testing::Matrix& queries,
               const SearchParams& params) {
    Found all;
    for (size_t i = 0; i < queries.count(); ++i) {
      std::vector<double> scores;
      for (size_t row = 0; row < kAll; ++row) {
        scores.push_back(
            testing::PlainScore(Metric::kCosine, queries.Row(i), points.Row(row), kWide, true));
      }
      std::nth_element(scores.begin(), scores.begin() + 9, scores.end(), std::greater<>());
      SearchStats stats;
      const auto hits = index_->Search(queries.Row(i), params, &stats);
      for (const ScoredLabel& hit : *hits) {
        all.recall += hit.score >= scores[9] - 1e-5 ? 1 : 0;
      }
      all.distances += stats.distances;
      all.candidates += stats.candidates;
      all.ef = stats.ef;
      EXPECT_EQ(stats.segments_walked, kSegments);
    }
    all.recall /= static_cast<double>(10 * queries.count());
    return all;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<VectorIndex> index_;
  const testing::Matrix queries_ = testing::Clustered(100, kWide, 2);
};

TEST_F(SeveralSegmentsTest, WhatTheLargestHasSparesTheOthersWork) {
  const testing::Matrix points = testing::Clustered(kAll, kWide, 1);
  Seal(points);
  const Found found = Search(points, queries_, {});
  EXPECT_GE(found.recall, 0.98);
  // Walks that know nothing of each other.
  const Found literally = Search(points, queries_, {.ef = found.ef});
  EXPECT_GE(found.recall, literally.recall - 0.01);
  EXPECT_LT(found.distances, literally.distances * 9 / 10);
  EXPECT_LT(found.candidates, literally.candidates / 2);
}

// Everything near is in the last small segment: there the bar that the others set is low.
TEST_F(SeveralSegmentsTest, FindsWhatOnlyASmallSegmentHas) {
  testing::Matrix points = testing::Clustered(kAll, kWide, 1);
  testing::Matrix away = testing::Clustered(kSmall, kWide, 5);
  testing::Matrix queries = queries_;
  const auto move = [](testing::Matrix& matrix) {
    for (size_t row = 0; row < matrix.count(); ++row) {
      float* vector = &matrix.values[row * kWide];
      for (size_t i = 0; i < kWide; ++i) vector[i] -= 0.15F;
      testing::Normalize(vector, kWide);
    }
  };
  move(away);
  move(queries);
  std::copy(away.values.begin(), away.values.end(),
            points.values.end() - static_cast<ptrdiff_t>(away.values.size()));
  Seal(points);
  EXPECT_GE(Search(points, queries, {}).recall, 0.98);
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
