// Prefixes whose components are scaled before they are compared (IndexConfig::prefix_scales).
#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "index/scorer.h"
#include "index/vector_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kWidth = 192;

// As much as those of real embeddings, whose later axes have a hundredth of the variance.
std::vector<float> Scales() {
  std::vector<float> scales(kWidth);
  for (size_t i = 0; i < kWidth; ++i) {
    scales[i] = 1 + 0.5F * static_cast<float>(i) / static_cast<float>(kWidth);
  }
  return scales;
}

// The score of unit vectors by the definition in scorer.h, in double.
double PlainScaledScore(Metric metric, absl::Span<const float> query,
                        absl::Span<const float> vector, size_t width) {
  const std::vector<float> scales = Scales();
  double dot = 0;
  double query_squared = 0;
  double vector_squared = 0;
  double whole_squared = 0;
  for (size_t i = 0; i < kWidth; ++i) {
    whole_squared += double{query[i]} * query[i];
    if (i >= width) continue;
    const double q = double{query[i]} * scales[i];
    const double v = double{vector[i]} * scales[i];
    dot += q * v;
    query_squared += q * q;
    vector_squared += v * v;
  }
  const double cosine = dot / std::sqrt(query_squared * vector_squared);
  const double length = std::sqrt(whole_squared);
  if (metric == Metric::kCosine) return cosine;
  if (metric == Metric::kDot) return cosine * length;
  return std::sqrt(whole_squared + 1 - 2 * length * cosine);
}

TEST(PrefixScalesTest, ScoresOfPrefixesFollowTheDefinition) {
  const testing::Matrix points = testing::Clustered(20, kWidth, 1);
  const std::vector<float> scales = Scales();
  std::vector<float> query(points.Row(0).begin(), points.Row(0).end());
  for (float& value : query) value *= 3;
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
    for (const size_t width : {1, 7, 64, 191}) {
      const Scorer scorer(metric, query, width, Renormalize::kYes, scales);
      for (size_t row = 0; row < points.count(); ++row) {
        const absl::Span<const float> vector = points.Row(row);
        const float score = scorer.ScoreOf(scorer.Cost(vector.data(), InverseNorm(vector)));
        EXPECT_NEAR(score, PlainScaledScore(metric, query, vector, width), 2e-4)
            << static_cast<int>(metric) << " width " << width << " row " << row;
      }
    }
  }
}

TEST(PrefixScalesTest, LeaveAloneWhatIsNoPrefixOrWhoseLengthMatters) {
  const testing::Matrix points = testing::Clustered(2, kWidth, 1, /*unit=*/false);
  const std::vector<float> scales = Scales();
  const auto expect_same = [&](Metric metric, size_t width, Renormalize renormalize) {
    const Scorer with(metric, points.Row(0), width, renormalize, scales);
    const Scorer without(metric, points.Row(0), width, renormalize);
    const float inverse_norm = InverseNorm(points.Row(1));
    EXPECT_EQ(with.Cost(points.Row(1).data(), inverse_norm),
              without.Cost(points.Row(1).data(), inverse_norm));
  };
  expect_same(Metric::kCosine, kWidth, Renormalize::kNo);
  expect_same(Metric::kDot, kWidth, Renormalize::kYes);
  expect_same(Metric::kDot, 64, Renormalize::kNo);
  expect_same(Metric::kEuclid, 64, Renormalize::kNo);
}

TEST(PrefixScalesTest, AreChecked) {
  const TemporaryDirectory directory;
  IndexConfig config;
  config.dimensions = 4;
  for (const std::vector<float>& wrong :
       {std::vector<float>{1, 1, 1}, {1, 1, 1, 0}, {1, 1, 1, -1}, {1, 1, 1, NAN}}) {
    config.prefix_scales = wrong;
    EXPECT_TRUE(absl::IsInvalidArgument(VectorIndex::Open(directory.path(), config, {}).status()));
  }
}

class ScaledIndexTest : public ::testing::TestWithParam<int> {
 protected:
  ScaledIndexTest() {
    config_.dimensions = kWidth;
    config_.code_bits = GetParam();
    config_.principal_axes = true;
    config_.prefix_scales = Scales();
    config_.seal_threshold = 4000;
    index_ = std::move(VectorIndex::Open(directory_.path(), config_, {})->index);
  }

  void AddAll() {
    for (size_t row = 0; row < points_.count(); ++row) {
      ASSERT_TRUE(index_
                      ->Add(row + 1, testing::KeyOf(row + 1), static_cast<PointNumber>(row),
                            points_.Row(row))
                      .ok());
    }
  }

  std::vector<double> ScoresFor(size_t query, size_t width) const {
    std::vector<double> scores;
    for (size_t row = 0; row < points_.count(); ++row) {
      scores.push_back(
          PlainScaledScore(Metric::kCosine, queries_.Row(query), points_.Row(row), width));
    }
    return scores;
  }

  // The share of the ten nearest by the plain loop that default searches find.
  double Recall(size_t width) const {
    size_t found = 0;
    for (size_t query = 0; query < queries_.count(); ++query) {
      std::vector<double> scores = ScoresFor(query, width);
      std::nth_element(scores.begin(), scores.begin() + 9, scores.end(), std::greater<>());
      SearchParams params;
      params.dimensions = static_cast<int>(width);
      const auto answer = index_->Search(queries_.Row(query), params, nullptr);
      EXPECT_TRUE(answer.ok());
      for (const ScoredLabel& hit : *answer) found += hit.score >= scores[9] - 1e-5 ? 1 : 0;
    }
    return static_cast<double>(found) / static_cast<double>(10 * queries_.count());
  }

  const testing::Matrix points_ = testing::Clustered(12000, kWidth, 1);
  const testing::Matrix queries_ = testing::Clustered(50, kWidth, 2);
  const TemporaryDirectory directory_;
  IndexConfig config_;
  std::unique_ptr<VectorIndex> index_;
};

TEST_P(ScaledIndexTest, DefaultsFindWhatIsNearestByScaledPrefixes) {
  AddAll();
  // Still growing, and by codes where there are several; then with graphs.
  for (const bool sealed : {false, true}) {
    if (sealed) {
      while (*testing::Maintain(*index_)) continue;
    }
    for (const size_t width : {64, 96, 160}) {
      EXPECT_GE(Recall(width), 0.97) << "width " << width << " sealed " << sealed;
    }
  }
}

TEST_P(ScaledIndexTest, ThresholdsGiveWhatPassesThem) {
  AddAll();
  ASSERT_TRUE(index_->SealAll().ok());
  size_t expected = 0;
  size_t found = 0;
  for (size_t query = 0; query < queries_.count(); ++query) {
    std::vector<double> scores = ScoresFor(query, 64);
    std::vector<double> sorted = scores;
    // More than are looked for whatever their scores, so that the codes' own range matters.
    std::nth_element(sorted.begin(), sorted.begin() + 500, sorted.end(), std::greater<>());
    SearchParams params;
    params.k = 5000;
    params.dimensions = 64;
    params.score_threshold = static_cast<float>(sorted[500]);
    const auto answer = index_->Search(queries_.Row(query), params, nullptr);
    ASSERT_TRUE(answer.ok());
    for (const ScoredLabel& hit : *answer) EXPECT_GE(hit.score, *params.score_threshold);
    expected += 500;
    found += answer->size();
  }
  EXPECT_GE(static_cast<double>(found), 0.97 * static_cast<double>(expected));
}

INSTANTIATE_TEST_SUITE_P(CodeBits, ScaledIndexTest, ::testing::Values(1, 4, 8));

// Components that hold less and less, as on principal axes.
testing::Matrix Falling(size_t count, unsigned seed) {
  testing::Matrix points = testing::Clustered(count, kWidth, seed);
  for (size_t row = 0; row < count; ++row) {
    float* values = points.values.data() + row * kWidth;
    for (size_t i = 0; i < kWidth; ++i) values[i] /= static_cast<float>(1 + i / 4);
  }
  return points;
}

TEST(PrincipalAxesTest, BitsFindMoreWhenTheyAreTurned) {
  const testing::Matrix points = Falling(6000, 1);
  const testing::Matrix queries = Falling(100, 2);
  IndexConfig config;
  config.dimensions = kWidth;
  config.code_bits = 1;
  config.prefix_scales = Scales();
  double full[2];
  for (const bool principal_axes : {false, true}) {
    config.principal_axes = principal_axes;
    const TemporaryDirectory directory;
    auto opened = VectorIndex::Open(directory.path(), config, {});
    ASSERT_TRUE(opened.ok()) << opened.status();
    auto index = std::move(opened->index);
    for (size_t row = 0; row < points.count(); ++row) {
      ASSERT_TRUE(index
                      ->Add(row + 1, testing::KeyOf(row + 1), static_cast<PointNumber>(row),
                            points.Row(row))
                      .ok());
    }
    ASSERT_TRUE(index->SealAll().ok());
    const auto kept = [&](int width) {
      size_t found = 0;
      for (size_t query = 0; query < queries.count(); ++query) {
        SearchParams params;
        params.dimensions = width;
        params.ef = 40;
        params.rescored = 20;
        SearchParams exact;
        exact.dimensions = width;
        exact.exact = true;
        const auto answer = index->Search(queries.Row(query), params, nullptr);
        const auto truth = index->Search(queries.Row(query), exact, nullptr);
        EXPECT_TRUE(answer.ok() && truth.ok());
        for (const ScoredLabel& hit : *answer) {
          found += std::count_if(truth->begin(), truth->end(),
                                 [&](const ScoredLabel& best) { return best.label == hit.label; });
        }
      }
      return static_cast<double>(found) / static_cast<double>(10 * queries.count());
    };
    full[principal_axes ? 1 : 0] = kept(0);
    if (!principal_axes) {
      // What was built before codes were turned is built again.
      const Manifest manifest = index->TakeManifest();
      index.reset();
      config.principal_axes = true;
      opened = VectorIndex::Open(directory.path(), config, manifest);
      ASSERT_TRUE(opened.ok()) << opened.status();
      index = std::move(opened->index);
      EXPECT_EQ(kept(0), full[0]);
      while (*testing::Maintain(*index)) continue;
      EXPECT_GT(kept(0), full[0] + 0.05);
    }
    // Bits of prefixes that are turned say nothing of them: their vectors are walked by.
    if (principal_axes) {
      EXPECT_GE(kept(64), 0.97);
    }
  }
  EXPECT_GT(full[1], full[0] + 0.05);
}

}  // namespace
}  // namespace vecnest::index
