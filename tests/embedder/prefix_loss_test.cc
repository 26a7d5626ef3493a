#include "embedder/prefix_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/embedder/adaptor_vectors.h"

namespace vecnest::embedder {
namespace {

constexpr size_t kDimensions = 10;
constexpr double kTemperature = 0.2;

std::vector<float> UnitRows(size_t count, unsigned seed) {
  std::vector<float> rows = NormalValues(count * kDimensions, seed);
  for (size_t r = 0; r < count; ++r) {
    float* row = &rows[r * kDimensions];
    const double length = std::sqrt(Dot(row, row, kDimensions));
    for (size_t i = 0; i < kDimensions; ++i) row[i] /= static_cast<float>(length);
  }
  return rows;
}

PrefixBatch AmongThemselves(const Workers& workers) {
  PrefixBatch batch;
  batch.query_count = 9;
  batch.queries = UnitRows(batch.query_count, 1);
  EXPECT_TRUE(SetFullWidthTargets(kDimensions, kTemperature, workers, &batch).ok());
  return batch;
}

PrefixBatch WithCandidates() {
  PrefixBatch batch;
  batch.query_count = 4;
  batch.candidate_count = 7;
  batch.queries = UnitRows(4, 2);
  batch.candidates = UnitRows(7, 3);
  batch.targets.assign(4 * 7, 0);
  for (size_t i = 0; i < 4; ++i) batch.targets[i * 7 + i] = 1;
  return batch;
}

// The definition, in double, of one width.
double PlainLoss(const PrefixBatch& batch, const std::vector<float>& map, size_t width) {
  const bool among_themselves = batch.candidates.empty();
  const auto prefix = [&](const std::vector<float>& rows, size_t row) {
    std::vector<double> values(width);
    double squares = 0;
    for (size_t i = 0; i < width; ++i) {
      values[i] = Dot(&map[i * kDimensions], &rows[row * kDimensions], kDimensions);
      squares += values[i] * values[i];
    }
    for (double& value : values) value /= std::sqrt(squares);
    return values;
  };
  double loss = 0;
  for (size_t q = 0; q < batch.query_count; ++q) {
    const std::vector<double> query = prefix(batch.queries, q);
    double sum = 0, expected = 0;
    for (size_t c = 0; c < batch.candidate_count; ++c) {
      if (among_themselves && c == q) continue;
      const std::vector<double> candidate =
          prefix(among_themselves ? batch.queries : batch.candidates, c);
      double cosine = 0;
      for (size_t i = 0; i < width; ++i) cosine += query[i] * candidate[i];
      sum += std::exp(cosine / kTemperature);
      expected += batch.targets[q * batch.candidate_count + c] * cosine / kTemperature;
    }
    loss += std::log(sum) - expected;
  }
  return loss / static_cast<double>(batch.query_count);
}

TEST(PrefixLossTest, TargetsAreTheSoftmaxOfCosines) {
  const PrefixBatch batch = AmongThemselves(Workers(2));
  ASSERT_EQ(batch.candidate_count, 9U);
  for (size_t q = 0; q < 9; ++q) {
    double sum = 0;
    std::vector<double> expected(9);
    for (size_t c = 0; c < 9; ++c) {
      if (c == q) continue;
      expected[c] = std::exp(
          Dot(&batch.queries[q * kDimensions], &batch.queries[c * kDimensions], kDimensions) /
          kTemperature);
      sum += expected[c];
    }
    for (size_t c = 0; c < 9; ++c) EXPECT_NEAR(batch.targets[q * 9 + c], expected[c] / sum, 1e-6);
  }
}

TEST(PrefixLossTest, LossAndGradientAreThoseOfTheDefinition) {
  const Workers workers(2);
  const std::vector<float> map = NormalValues(kDimensions * kDimensions, 4);
  for (const PrefixBatch& batch : {AmongThemselves(workers), WithCandidates()}) {
    PrefixLoss loss(kDimensions, {3, 8}, kTemperature, &workers);
    std::vector<float> gradient;
    // The second evaluation must not know of the first.
    for (int i = 0; i < 2; ++i) {
      const auto value = loss.Evaluate(batch, map, &gradient);
      ASSERT_TRUE(value.ok()) << value.status();
      EXPECT_NEAR(*value, PlainLoss(batch, map, 3) + PlainLoss(batch, map, 8), 1e-5);
    }
    ASSERT_EQ(gradient.size(), map.size());
    for (size_t i = 0; i < map.size(); ++i) {
      constexpr float kStep = 1e-3F;
      std::vector<float> above = map, below = map;
      above[i] += kStep;
      below[i] -= kStep;
      double difference = 0;
      for (const size_t width : {3, 8}) {
        difference += PlainLoss(batch, above, width) - PlainLoss(batch, below, width);
      }
      EXPECT_NEAR(gradient[i], difference / (static_cast<double>(above[i]) - below[i]), 2e-4) << i;
    }
  }
}

TEST(PrefixLossTest, PrefixesWithoutLengthDoNoHarm) {
  const Workers workers(1);
  PrefixBatch batch = AmongThemselves(workers);
  std::vector<float> map = RandomRotation(kDimensions, 5);
  std::fill(map.begin(), map.begin() + 2 * kDimensions, 0.0F);
  PrefixLoss loss(kDimensions, {2, 5}, kTemperature, &workers);
  std::vector<float> gradient;
  const auto value = loss.Evaluate(batch, map, &gradient);
  ASSERT_TRUE(value.ok());
  EXPECT_TRUE(std::isfinite(*value));
  for (const float element : gradient) EXPECT_TRUE(std::isfinite(element));
}

}  // namespace
}  // namespace vecnest::embedder
