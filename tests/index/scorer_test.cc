#include "index/scorer.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr Metric kMetrics[] = {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan};

float ScoreOf(const Scorer& scorer, absl::Span<const float> vector) {
  return scorer.ScoreOf(scorer.Cost(vector.data(), InverseNorm(vector)));
}

TEST(ScorerTest, EveryMetricAndWidthMatchesItsDefinition) {
  for (const bool unit : {false, true}) {
    const testing::Matrix points = testing::Clustered(20, 100, 1, unit);
    for (const Metric metric : kMetrics) {
      for (const size_t width : {1, 7, 64, 99, 100}) {
        const Renormalize renormalize = unit ? Renormalize::kYes : Renormalize::kNo;
        const Scorer scorer(metric, points.Row(0), width, renormalize);
        for (size_t row = 0; row < points.count(); ++row) {
          const double expected =
              testing::PlainScore(metric, points.Row(0), points.Row(row), width, unit);
          EXPECT_NEAR(ScoreOf(scorer, points.Row(row)), expected, 2e-5 * (1 + std::fabs(expected)))
              << static_cast<int>(metric) << " width " << width << " row " << row;
        }
      }
    }
  }
}

TEST(ScorerTest, QueryKeepsItsLengthWhenPrefixesAreScaled) {
  const std::vector<float> query = {3, 0, 4};
  const std::vector<float> vector = {0.6F, 0, 0.8F};
  const Scorer scorer(Metric::kDot, query, 2, Renormalize::kYes);
  EXPECT_FLOAT_EQ(ScoreOf(scorer, vector), 5.0F);
}

TEST(ScorerTest, ZeroVectorsHaveCosineZero) {
  const std::vector<float> zero(8, 0.0F);
  const std::vector<float> other = {0, 0, 0, 0, 1, 2, 3, 4};
  for (const size_t width : {4, 8}) {
    EXPECT_EQ(ScoreOf(Scorer(Metric::kCosine, other, width, Renormalize::kNo), zero), 0.0F);
    EXPECT_EQ(ScoreOf(Scorer(Metric::kCosine, zero, width, Renormalize::kNo), other), 0.0F);
    EXPECT_FALSE(
        std::signbit(ScoreOf(Scorer(Metric::kCosine, zero, width, Renormalize::kNo), other)));
  }
  EXPECT_EQ(ScoreOf(Scorer(Metric::kEuclid, other, 4, Renormalize::kYes), other), 0.0F);
}

TEST(ScorerTest, CostsStayFinite) {
  const std::vector<float> huge(16, 3e38F);
  std::vector<float> mixed(16, 3e38F);
  mixed[3] = -3e38F;
  for (const Metric metric : kMetrics) {
    for (const size_t width : {3, 16}) {
      const Scorer scorer(metric, huge, width, Renormalize::kNo);
      EXPECT_TRUE(std::isfinite(ScoreOf(scorer, mixed)));
      EXPECT_TRUE(std::isfinite(ScoreOf(scorer, huge)));
    }
  }
}

TEST(ScorerTest, InverseNorms) {
  EXPECT_FLOAT_EQ(InverseNorm(std::vector<float>{3, 4}), 0.2F);
  EXPECT_EQ(InverseNorm(std::vector<float>{0, 0}), 0.0F);
  EXPECT_EQ(InverseNorm(std::vector<float>{1e-30F}), 0.0F);
  EXPECT_TRUE(IsUnitNorm(1.0F, ValueFormat::kF32));
  EXPECT_TRUE(IsUnitNorm(1.0F / 1.0009F, ValueFormat::kF32));
  EXPECT_FALSE(IsUnitNorm(1.0F / 1.002F, ValueFormat::kF32));
  EXPECT_FALSE(IsUnitNorm(0.0F, ValueFormat::kF32));
  EXPECT_TRUE(IsUnitNorm(1.0F / 1.0025F, ValueFormat::kBf16));
  EXPECT_FALSE(IsUnitNorm(1.0F / 1.004F, ValueFormat::kBf16));
}

TEST(ScorerTest, ThresholdsFollowTheMetric) {
  const std::vector<float> query = {1, 0};
  const Scorer cosine(Metric::kCosine, query, 2, Renormalize::kNo);
  EXPECT_TRUE(cosine.Passes(-0.5F, 0.5F));
  EXPECT_FALSE(cosine.Passes(-0.4F, 0.5F));
  const Scorer euclid(Metric::kEuclid, query, 2, Renormalize::kNo);
  EXPECT_TRUE(euclid.Passes(0.5F, 0.5F));
  EXPECT_FALSE(euclid.Passes(0.6F, 0.5F));
}

TEST(ScorerTest, LengthsBeyondTheRangeCountAsZero) {
  for (const size_t dimensions : {2, 3}) {
    const std::vector<float> huge = {3e30F, 1, 1};
    const std::vector<float> plain = {1, 0, 0};
    for (const auto& [query, vector] : {std::pair(huge, huge), {plain, huge}, {huge, plain}}) {
      const Scorer scorer(Metric::kCosine, query, dimensions, Renormalize::kNo);
      EXPECT_EQ(scorer.ScoreOf(scorer.Cost(vector.data(), InverseNorm(vector))), 0.0F);
    }
  }
}

}  // namespace
}  // namespace vecnest::index
