#include "engine/geometry/sample_geometry.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using ::testing::Each;

constexpr size_t kWidth = 48;
constexpr size_t kCount = 800;

// Normal numbers, of a deviation of its own in each dimension, about a mean.
evaluation::VectorMatrix Normal(const std::vector<float>& deviations, float mean = 0) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  evaluation::VectorMatrix rows = {deviations.size(), {}};
  for (size_t i = 0; i < kCount; ++i) {
    for (const float deviation : deviations)
      rows.values.push_back(mean + deviation * normal(random));
  }
  return rows;
}

GeometryReport Measure(const evaluation::VectorMatrix& sample,
                       const SampleSettings& settings = {}) {
  GeometryReport report;
  EXPECT_TRUE(MeasureSample(sample, settings, {}, &report).ok());
  return report;
}

TEST(IsoScoreTest, TheEndsOfItsRange) {
  EXPECT_NEAR(IsoScore(std::vector<double>(100, 3)), 1, 1e-12);
  std::vector<double> line(100);
  line[7] = 2;
  EXPECT_NEAR(IsoScore(line), 0, 1e-12);
  // Isotropic in k of n dimensions: about k / n, as the paper's section 4 shows.
  std::vector<double> half(1000);
  for (size_t i = 0; i < 500; ++i) half[i] = 1;
  EXPECT_NEAR(IsoScore(half), 0.5, 0.03);
  EXPECT_EQ(IsoScore(std::vector<double>(5)), 0);
}

TEST(EffectiveRankTest, CountsEqualDirections) {
  EXPECT_NEAR(EffectiveRank({2, 2, 2, 0, 0}), 3, 1e-12);
  EXPECT_NEAR(EffectiveRank({5}), 1, 1e-12);
  EXPECT_EQ(EffectiveRank({0, 0}), 0);
}

TEST(MeasureSampleTest, TellsHowMuchIsDone) {
  std::vector<double> shares;
  SampleSettings settings;
  settings.progress = [&](double share) { shares.push_back(share); };
  Measure(Normal(std::vector<float>(kWidth, 1)), settings);
  ASSERT_GE(shares.size(), 50U);
  EXPECT_LE(shares.size(), 101U);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_GT(shares.front(), 0);
  EXPECT_LT(shares.front(), 0.2);
  EXPECT_GT(shares.back(), 0.98);
  EXPECT_LE(shares.back(), 1);
}

TEST(MeasureSampleTest, IsotropicVectors) {
  const GeometryReport report = Measure(Normal(std::vector<float>(kWidth, 1)));
  EXPECT_EQ(report.samples, kCount);
  EXPECT_EQ(report.dimensions, static_cast<int>(kWidth));
  EXPECT_GT(report.isotropy, 0.8);
  EXPECT_GT(report.effective_rank, 0.9 * kWidth);
  EXPECT_GT(report.variance_share, 0.99);
  // Cosines of random directions have a variance of 1 / width.
  EXPECT_NEAR(report.random_pairs.mean, 0, 0.01);
  EXPECT_NEAR(report.random_pairs.deviation, 1 / std::sqrt(kWidth), 0.01);
  EXPECT_NEAR(report.norms.mean, std::sqrt(kWidth), 0.2);
  EXPECT_NEAR(report.random_pairs.low, -2.33 / std::sqrt(kWidth), 0.02);
  EXPECT_NEAR(report.random_pairs.high, 2.33 / std::sqrt(kWidth), 0.02);
  ASSERT_EQ(report.prefixes.size(), 1U);
  EXPECT_NEAR(report.prefixes[0].variance, 32.0 / kWidth, 0.02);
  EXPECT_LT(report.prefixes[0].recall, 0.7);
  EXPECT_GT(report.int8_recall, 0.9);
  EXPECT_EQ(report.near_duplicates, 0U);
}

TEST(MeasureSampleTest, ASpectrumThatFalls) {
  std::vector<float> deviations(kWidth);
  double sum = 0;
  for (size_t i = 0; i < kWidth; ++i) {
    deviations[i] = 1 / static_cast<float>(i + 1);
    sum += double{deviations[i]} * deviations[i];
  }
  const GeometryReport report = Measure(Normal(deviations));
  EXPECT_NEAR(report.spectrum[0], 1 / sum, 0.03);
  EXPECT_NEAR(report.spectrum[1], 0.25 / sum, 0.02);
  EXPECT_EQ(report.axes_for_half, 1);
  EXPECT_GT(report.axes_for_99, report.axes_for_90);
  EXPECT_GT(report.prefixes[0].recall, 0.9);
  EXPECT_GT(report.prefixes[0].variance, 0.98);
}

TEST(MeasureSampleTest, AMeanThatAllShare) {
  const GeometryReport report = Measure(Normal(std::vector<float>(kWidth, 1), 2));
  EXPECT_NEAR(report.variance_share, 0.2, 0.01);     // 1 / (1 + 2 * 2)
  EXPECT_NEAR(report.random_pairs.mean, 0.8, 0.01);  // 4 / (1 + 4)
  EXPECT_GT(report.isotropy, 0.8);                   // which looks at the covariance alone
}

TEST(MeasureSampleTest, CountsZerosConstantsAndDuplicates) {
  evaluation::VectorMatrix rows = Normal(std::vector<float>(kWidth, 1));
  for (float& value : rows.Row(3)) value = 0;
  for (float& value : rows.Row(4)) value = 7;
  for (size_t i = 0; i < kCount; ++i) rows.Row(i)[5] = 1;
  rows.Row(3)[5] = 0;
  GeometryReport report = Measure(rows);
  EXPECT_EQ(report.zero_vectors, 1U);
  EXPECT_EQ(report.constant_vectors, 0U);  // but for dimension 5
  EXPECT_EQ(report.constant_dimensions, 0);
  rows.Row(3)[5] = 1;
  rows.Row(4)[5] = 7;
  std::copy_n(rows.Row(10).data(), kWidth, rows.Row(11).data());
  rows.Row(11)[0] *= 1.0001F;
  report = Measure(rows);
  EXPECT_EQ(report.constant_vectors, 1U);
  EXPECT_EQ(report.near_duplicates, 2U);
}

TEST(MeasureSampleTest, AHubIsEverybodysNeighbour) {
  // Shells about the origin: what lies in their middle is near to all of them.
  evaluation::VectorMatrix rows = Normal(std::vector<float>(kWidth, 1), 0.7F);
  const double before = Measure(rows).hubness.skewness;
  for (size_t hub = 0; hub < 5; ++hub) {
    for (float& value : rows.Row(hub)) value = 1;
    rows.Row(hub)[hub] = 1.2F;
  }
  const GeometryReport report = Measure(rows);
  EXPECT_GT(report.hubness.skewness, before + 2);
  EXPECT_GT(report.hubness.most, kCount / 2);
  EXPECT_GT(report.hubness.never, 0);
}

TEST(MeasureSampleTest, PrefixesAreThoseOfTheAdaptor) {
  // The other way round: the last dimension first.
  std::vector<float> deviations(kWidth, 0.05F);
  for (size_t i = 40; i < kWidth; ++i) deviations[i] = 1;
  const evaluation::VectorMatrix rows = Normal(deviations);
  embedder::AdaptorParameters parameters;
  parameters.dimensions = kWidth;
  parameters.rotation.resize(kWidth * kWidth);
  for (size_t i = 0; i < kWidth; ++i) parameters.rotation[i * kWidth + kWidth - 1 - i] = 1;
  parameters.scales.resize(kWidth, 1);
  parameters.method = "rotation";
  const auto adaptor = embedder::Adaptor::Create(parameters);
  ASSERT_TRUE(adaptor.ok()) << adaptor.status();
  const double cut = Measure(rows).prefixes[0].recall;
  SampleSettings settings;
  settings.adaptor = adaptor->get();
  const GeometryReport report = Measure(rows, settings);
  EXPECT_LT(cut, 0.3);
  EXPECT_GT(report.prefixes[0].recall, 0.95);
  EXPECT_GT(report.prefixes[0].variance, 0.99);
}

TEST(MeasureSampleTest, EndsWhenItsCallIsOver) {
  CallLimits late;
  late.deadline = std::chrono::steady_clock::now();
  GeometryReport report;
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      MeasureSample(Normal(std::vector<float>(kWidth, 1)), {}, late, &report)));
}

}  // namespace
}  // namespace vecnest::engine
