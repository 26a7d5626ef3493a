#include "index/random_rotation.h"

#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

std::vector<float> Normal(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum;
}

class RandomRotationTest : public ::testing::TestWithParam<size_t> {};

TEST_P(RandomRotationTest, KeepsProductsAndCanBeUndone) {
  const std::vector<float> a = Normal(GetParam(), 1);
  const std::vector<float> b = Normal(GetParam(), 2);
  std::vector<float> x = a;
  std::vector<float> y = b;
  RotateRandomly(absl::MakeSpan(x));
  RotateRandomly(absl::MakeSpan(y));
  const double size = std::sqrt(Dot(a, a) * Dot(b, b));
  EXPECT_NEAR(Dot(x, y), Dot(a, b), 1e-5 * size);
  EXPECT_NEAR(Dot(x, x), Dot(a, a), 1e-5 * Dot(a, a));
  RotateBack(absl::MakeSpan(x));
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(x[i], a[i], 1e-5);
}

// One component alone, the first or the last, becomes about as much of each.
TEST_P(RandomRotationTest, SpreadsWhatAnAxisHolds) {
  const size_t dimensions = GetParam();
  if (dimensions < 32) GTEST_SKIP() << "too few to spread over";
  for (const size_t axis : {size_t{0}, dimensions / 2, dimensions - 1}) {
    std::vector<float> vector(dimensions);
    vector[axis] = 1;
    RotateRandomly(absl::MakeSpan(vector));
    const double fair = 1 / std::sqrt(static_cast<double>(dimensions));
    double fourth = 0;
    for (const float value : vector) {
      EXPECT_LT(std::fabs(value), 6 * fair) << axis;
      fourth += std::pow(value / fair, 4) / static_cast<double>(dimensions);
    }
    // 3 of normally distributed components, the number of dimensions if one holds all.
    EXPECT_LT(fourth, 6) << axis;
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, RandomRotationTest,
                         ::testing::Values(1, 2, 3, 31, 32, 63, 96, 100, 255, 384, 511, 768, 1536));

}  // namespace
}  // namespace vecnest::index
