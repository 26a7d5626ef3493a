#include "index/random_rotation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum;
}

class RandomRotationTest : public ::testing::TestWithParam<size_t> {};

TEST_P(RandomRotationTest, KeepsProductsAndCanBeUndone) {
  const std::vector<float> a = testing::Normal(GetParam(), 1);
  const std::vector<float> b = testing::Normal(GetParam(), 2);
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

// Of vectors whose first components hold most, each component holds about as much afterwards. (Of
// random rotations the largest share is 8 to 14 times the least.)
TEST_P(RandomRotationTest, SpreadsWhatAxesHold) {
  const size_t dimensions = GetParam();
  if (dimensions < 64) GTEST_SKIP() << "too few to spread over";
  std::vector<double> energies(dimensions);
  double all = 0;
  for (size_t axis = 0; axis < dimensions; ++axis) {
    std::vector<float> vector(dimensions);
    vector[axis] = 1;
    RotateRandomly(absl::MakeSpan(vector));
    const double energy = std::pow(1 + static_cast<double>(axis) / 4, -2);
    all += energy;
    for (size_t i = 0; i < dimensions; ++i) energies[i] += energy * vector[i] * vector[i];
  }
  const auto [least, most] = std::minmax_element(energies.begin(), energies.end());
  EXPECT_LT(*most, 20 * *least);
  const auto half = energies.begin() + static_cast<ptrdiff_t>(dimensions / 2);
  EXPECT_NEAR(std::accumulate(energies.begin(), half, 0.0) / all, 0.5, 0.1);
}

// Segment files hold codes of what it gives. Computed by NumPy from the definition: SplitMix64 of
// the round times the words of 64 signs plus the word, scipy.linalg.hadamard, the halves.
TEST(RandomRotationTest, StaysWhatItIs) {
  const auto rotated = [](size_t dimensions) {
    std::vector<float> vector(dimensions);
    for (size_t i = 0; i < dimensions; ++i) vector[i] = static_cast<float>(i + 1);
    RotateRandomly(absl::MakeSpan(vector));
    return vector;
  };
  EXPECT_NEAR(rotated(64)[0], 24.5000, 2e-3);
  EXPECT_NEAR(rotated(64)[1], -14.9062, 2e-3);
  EXPECT_NEAR(rotated(64)[32], -34.5000, 2e-3);
  EXPECT_NEAR(rotated(64)[63], 47.1875, 2e-3);
  EXPECT_NEAR(rotated(100)[0], 69.0996, 2e-3);
  EXPECT_NEAR(rotated(100)[1], 38.6738, 2e-3);
  EXPECT_NEAR(rotated(100)[50], -23.3809, 2e-3);
  EXPECT_NEAR(rotated(100)[99], -24.0547, 2e-3);
}

INSTANTIATE_TEST_SUITE_P(Sizes, RandomRotationTest,
                         ::testing::Values(1, 2, 3, 31, 63, 64, 96, 100, 255, 256, 384, 511, 512,
                                           768, 1024, 1536));

}  // namespace
}  // namespace vecnest::index
