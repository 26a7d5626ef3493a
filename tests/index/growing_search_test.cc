// Searches of growing segments, which go by codes, against plain loops in double.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/segment_search.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kRows = 6000;
constexpr double kFloor = 0.999;

// Labels, keys and numbers count from 1. Deletes what it is told to.
class Growing {
 public:
  Growing(testing::Matrix points, Metric metric)
      : points_(std::move(points)),
        metric_(metric),
        set_(points_.dimensions, metric, ValueFormat::kF32, {}, 0),
        live_(points_.count(), true) {
    for (size_t row = 0; row < points_.count(); ++row) {
      EXPECT_TRUE(set_.Add(row + 1, testing::KeyOf(row + 1), static_cast<PointNumber>(row + 1),
                           points_.Row(row), InverseNorm(points_.Row(row))));
    }
    EXPECT_EQ(Recall(testing::Clustered(2, points_.dimensions, 2), {}), 1);
    EXPECT_TRUE(stats_.exact) << "nothing waits for a graph";
    set_.Freeze(1);
  }

  void Delete(Label label) {
    EXPECT_TRUE(set_.Delete(label));
    live_[label - 1] = false;
  }

  // The share of the wanted ones that answers hold. Of equal ones any will do.
  double Recall(const testing::Matrix& queries, const SearchParams& params) {
    const Metric metric = params.metric.value_or(metric_);
    const size_t width =
        params.dimensions == 0 ? points_.dimensions : static_cast<size_t>(params.dimensions);
    const double sign = LargerIsNearer(metric) ? -1 : 1;
    size_t hits = 0;
    size_t wanted = 0;
    for (size_t q = 0; q < queries.count(); ++q) {
      const auto cost_of = [&](size_t row) {
        return sign * testing::PlainScore(metric, queries.Row(q), points_.Row(row), width,
                                          set_.unit_norm());
      };
      std::vector<double> costs;
      for (size_t row = 0; row < points_.count(); ++row) {
        if (!live_[row]) continue;
        if (params.allowed && !params.allowed->Contains(static_cast<PointNumber>(row + 1))) {
          continue;
        }
        const double cost = cost_of(row);
        if (!params.score_threshold || cost <= sign * double{*params.score_threshold}) {
          costs.push_back(cost);
        }
      }
      std::sort(costs.begin(), costs.end());
      costs.resize(std::min(costs.size(), params.k));
      const auto found =
          SearchSegments(set_.View(), queries.Row(q), params, metric, set_.unit_norm(), stats_);
      // A score may lie on either side of a threshold that it equals.
      EXPECT_LE(found.size(), params.k);
      if (!params.score_threshold) {
        EXPECT_EQ(found.size(), costs.size());
      }
      wanted += costs.size();
      for (const ScoredLabel& hit : found) {
        const double cost = cost_of(hit.label - 1);
        EXPECT_NEAR(sign * hit.score, cost, 1e-4 * (1 + std::fabs(cost)));
        EXPECT_TRUE(live_[hit.label - 1]);
        hits += !costs.empty() && cost <= costs.back() + 1e-6 * (1 + std::fabs(costs.back()));
      }
    }
    return wanted == 0 ? 1 : static_cast<double>(hits) / static_cast<double>(wanted);
  }

  void ExpectRecall(const testing::Matrix& queries, const SearchParams& params,
                    const std::string& what) {
    const double recall = Recall(queries, params);
    EXPECT_GE(recall, kFloor) << what;
    // Where most of each run would be ranked there is no use for codes.
    const size_t most_of_a_run = points_.dimensions < 128 ? 1000 : 2000;
    EXPECT_EQ(stats_.exact, params.k >= most_of_a_run && !params.score_threshold) << what;
    EXPECT_EQ(stats_.strategy, stats_.exact ? "exact scan" : "scan of codes") << what;
    std::printf("[ recall   ] %-40s %.4f, %zu bytes\n", what.c_str(), recall, stats_.bytes);
  }

  const testing::Matrix& points() const { return points_; }
  const SearchStats& stats() const { return stats_; }

 private:
  const testing::Matrix points_;
  const Metric metric_;
  SegmentSet set_;
  std::vector<bool> live_;
  SearchStats stats_;
};

// Codes of 8 bits, then of 4.
class GrowingSearchTest : public ::testing::TestWithParam<size_t> {
 protected:
  const testing::Matrix queries_ = testing::Clustered(30, GetParam(), 2);
};

TEST_P(GrowingSearchTest, FindsWhatAnExactScanFinds) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
    Growing growing(testing::Clustered(kRows, GetParam(), 1, /*unit=*/false), metric);
    for (const size_t k : {size_t{1}, size_t{10}, size_t{100}, size_t{2000}}) {
      growing.ExpectRecall(
          queries_, {.k = k},
          "metric " + std::to_string(static_cast<int>(metric)) + ", k " + std::to_string(k));
    }
  }
}

TEST_P(GrowingSearchTest, AtEveryWidthAndMetricOfUnitVectors) {
  Growing growing(testing::Clustered(kRows, GetParam(), 1), Metric::kCosine);
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
    for (const size_t width : {GetParam(), GetParam() / 2, GetParam() / 6}) {
      growing.ExpectRecall(queries_, {.metric = metric, .dimensions = static_cast<int>(width)},
                           "metric " + std::to_string(static_cast<int>(metric)) + ", width " +
                               std::to_string(width));
    }
  }
}

TEST_P(GrowingSearchTest, UnderFiltersAndAfterDeletions) {
  Growing growing(testing::Clustered(kRows, GetParam(), 1), Metric::kCosine);
  for (const Label one_in : {Label{2}, Label{20}}) {
    PointSet allowed(kRows + 1);
    for (Label label = one_in; label <= kRows; label += one_in) {
      allowed.Add(static_cast<PointNumber>(label));
    }
    SearchParams params;
    params.allowed = &allowed;
    growing.ExpectRecall(queries_, params, "one in " + std::to_string(one_in));
  }
  for (Label label = 1; label <= kRows; label += 3) growing.Delete(label);
  growing.ExpectRecall(queries_, {}, "after deleting a third");
}

TEST_P(GrowingSearchTest, WithinARange) {
  Growing growing(testing::Clustered(kRows, GetParam(), 1), Metric::kCosine);
  for (const float threshold : {0.2F, 0.5F, 0.8F}) {
    for (const size_t k : {size_t{10}, size_t{5000}}) {
      growing.ExpectRecall(queries_, {.k = k, .score_threshold = threshold},
                           "score from " + std::to_string(threshold) + ", k " + std::to_string(k));
    }
  }
}

// A crowd of equal vectors is nearest; what follows must not be lost behind it.
TEST_P(GrowingSearchTest, AmongDuplicates) {
  testing::Matrix points = testing::Clustered(kRows, GetParam(), 1);
  for (size_t row = 1; row < kRows; ++row) {
    if (row % 8 == 0) continue;
    std::copy_n(points.Row(row % 8 - 1 + (row / 2048) * 2048).data(), GetParam(),
                &points.values[row * GetParam()]);
  }
  Growing growing(std::move(points), Metric::kCosine);
  growing.ExpectRecall(queries_, {.k = 10}, "duplicates, k 10");
  growing.ExpectRecall(queries_, {.k = 1000}, "duplicates, k 1000");
}

// Imported in the order of topics: codes have to fit each part.
TEST_P(GrowingSearchTest, InWhateverOrderRowsCome) {
  testing::Matrix points = testing::Clustered(kRows, GetParam(), 1, /*unit=*/false);
  for (size_t row = 0; row < kRows; ++row) {
    const float scale = row < kRows / 2 ? 0.5F : 2.0F;
    const float shift = static_cast<float>(row / 1500);
    for (size_t i = 0; i < GetParam(); ++i) {
      float& value = points.values[row * GetParam() + i];
      value = value * scale + shift;
    }
  }
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
    Growing growing(points, metric);
    growing.ExpectRecall(queries_, {},
                         "drifting, metric " + std::to_string(static_cast<int>(metric)));
  }
}

// A run of equal vectors, and one of nearly equal ones but for a row that no code of theirs fits:
// they are found among runs of others.
TEST_P(GrowingSearchTest, AmongRunsOfUnlikeSpread) {
  constexpr size_t kEqual = 256;
  constexpr size_t kFirstAlike = 768;
  constexpr size_t kUnlike = kFirstAlike + 101;
  testing::Matrix points = testing::Clustered(kRows, GetParam(), 1);
  std::mt19937 random(5);
  std::normal_distribution<float> jitter(0, 1e-4F);
  for (size_t row = 0; row < kFirstAlike + 1024; ++row) {
    if (row == 0 || row == kUnlike || (row >= kEqual && row < kFirstAlike)) continue;
    const size_t like = row < kEqual ? 0 : kRows - 1;
    for (size_t i = 0; i < GetParam(); ++i) {
      points.values[row * GetParam() + i] = points.Row(like)[i] + (like == 0 ? 0 : jitter(random));
    }
  }
  testing::Matrix queries = queries_;
  for (size_t i = 0; i < queries.values.size(); ++i) {
    const size_t near = i / GetParam() % 2 == 0 ? 0 : kUnlike;
    queries.values[i] = 0.4F * queries.values[i] + points.Row(near)[i % GetParam()];
  }
  Growing growing(std::move(points), Metric::kCosine);
  growing.ExpectRecall(queries, {.k = 10}, "unlike spread");
  growing.ExpectRecall(queries, {.k = 10, .dimensions = 64}, "unlike spread, 64 dimensions");
  growing.ExpectRecall(queries, {.k = 10, .rescored = 1}, "unlike spread, one rescored");
}

TEST_P(GrowingSearchTest, ScansExactlyWhereCodesDoNotServe) {
  Growing growing(testing::Clustered(2000, GetParam(), 1, /*unit=*/false), Metric::kCosine);
  Growing manhattan(testing::Clustered(2000, GetParam(), 1), Metric::kManhattan);
  const auto expect_exact = [&](Growing& of, const SearchParams& params) {
    EXPECT_EQ(of.Recall(queries_, params), 1);
    EXPECT_TRUE(of.stats().exact);
    EXPECT_EQ(of.stats().distances, 2000U);
  };
  expect_exact(growing, {.exact = true});
  expect_exact(growing, {.recall = 0.9995F});
  expect_exact(growing, {.metric = Metric::kManhattan});
  expect_exact(growing, {.metric = Metric::kDot});  // lengths differ
  expect_exact(manhattan, {});
  growing.Recall(queries_, {.rescored = SearchParams::kAllFound});
  EXPECT_EQ(growing.stats().candidates, 2000U);
}

INSTANTIATE_TEST_SUITE_P(Dimensions, GrowingSearchTest, ::testing::Values(size_t{96}, size_t{192}));

}  // namespace
}  // namespace vecnest::index
