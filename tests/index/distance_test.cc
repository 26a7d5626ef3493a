#include "index/kernels/distance.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index::kernels {
namespace {

struct Exact {
  double sum = 0;
  double magnitude = 0;  // sum of the absolute terms
};

Exact Sum(const float* a, const float* b, size_t n,
          const std::function<double(double, double)>& term) {
  Exact exact;
  for (size_t i = 0; i < n; ++i) {
    const double value = term(a[i], b[i]);
    exact.sum += value;
    exact.magnitude += std::fabs(value);
  }
  return exact;
}

// The bound in the header. The terms of the difference kernels carry the rounding of the
// difference as well, relative to |a| + |scale b| and not to the difference: `extra`.
double Tolerance(const DistanceKernels& kernels, size_t n, double magnitude, double extra = 0) {
  const double terms = static_cast<double>(n) / (4.0 * static_cast<double>(kernels.lanes)) +
                       2.0 * static_cast<double>(kernels.lanes) + 8.0;
  return terms * std::ldexp(1.0, -24) * 2.0 * magnitude + std::ldexp(1.0, -22) * extra;
}

std::vector<size_t> Lengths(size_t lanes) {
  std::vector<size_t> lengths;
  for (size_t n = 0; n <= 4 * lanes + 3; ++n) lengths.push_back(n);
  for (const size_t n : {64, 96, 100, 128, 384, 385, 768, 1023, 1536}) lengths.push_back(n);
  return lengths;
}

TEST(DistanceTest, EveryLevelMatchesPlainLoop) {
  const float scale = 0.75F;
  for (const DistanceKernels& kernels : AllDistances()) {
    for (const size_t n : Lengths(kernels.lanes)) {
      for (const size_t shift : {0, 1, 3}) {
        SCOPED_TRACE(std::string(kernels.name) + " n=" + std::to_string(n) +
                     " shift=" + std::to_string(shift));
        const std::vector<float> left = testing::Normal(n + shift, 1);
        const std::vector<float> right = testing::Normal(n + shift + 1, 2);
        const float* a = left.data() + shift;
        const float* b = right.data() + shift + 1;

        const Exact dot = Sum(a, b, n, [](double x, double y) { return x * y; });
        const Exact norm = Sum(a, b, n, [](double, double y) { return y * y; });
        const Exact l2 =
            Sum(a, b, n, [&](double x, double y) { return (x - scale * y) * (x - scale * y); });
        const Exact l1 = Sum(a, b, n, [&](double x, double y) { return std::fabs(x - scale * y); });
        const Exact size =
            Sum(a, b, n, [](double x, double y) { return std::fabs(x) + std::fabs(y); });
        const Exact squares = Sum(a, b, n, [](double x, double y) { return x * x + y * y; });

        EXPECT_NEAR(kernels.dot(a, b, n), dot.sum, Tolerance(kernels, n, dot.magnitude));
        EXPECT_NEAR(kernels.squared_l2(a, b, scale, n), l2.sum,
                    Tolerance(kernels, n, l2.magnitude, 4 * squares.magnitude));
        EXPECT_NEAR(kernels.l1(a, b, scale, n), l1.sum,
                    Tolerance(kernels, n, l1.magnitude, size.magnitude));
        // Two partial sums instead of four: twice the terms.
        const DotAndNorm both = kernels.dot_and_norm(a, b, n);
        EXPECT_NEAR(both.dot, dot.sum, 2 * Tolerance(kernels, n, dot.magnitude));
        EXPECT_NEAR(both.norm_squared, norm.sum, 2 * Tolerance(kernels, n, norm.magnitude));
      }
    }
  }
}

TEST(DistanceTest, AlignmentDoesNotChangeBits) {
  const std::vector<float> a = testing::Normal(384, 3);
  const std::vector<float> b = testing::Normal(384, 4);
  std::vector<float> shifted(400);
  for (size_t shift = 1; shift < 16; ++shift) {
    std::copy(b.begin(), b.end(), shifted.begin() + static_cast<ptrdiff_t>(shift));
    EXPECT_EQ(Distances().dot(a.data(), b.data(), 384),
              Distances().dot(a.data(), shifted.data() + shift, 384));
  }
}

TEST(DistanceTest, EqualVectorsHaveDistanceZero) {
  const std::vector<float> a = testing::Normal(385, 5);
  for (const DistanceKernels& kernels : AllDistances()) {
    EXPECT_EQ(kernels.squared_l2(a.data(), a.data(), 1.0F, a.size()), 0.0F);
    EXPECT_EQ(kernels.l1(a.data(), a.data(), 1.0F, a.size()), 0.0F);
  }
}

TEST(DistanceTest, LevelsCanBeForced) {
  EXPECT_LE(DistancesAtMost("sse4").lanes, 4U);
  EXPECT_LE(DistancesAtMost("avx2").lanes, 8U);
  EXPECT_EQ(DistancesAtMost("no such level").lanes, AllDistances().front().lanes);
  std::set<std::string> names;
  for (const DistanceKernels& kernels : AllDistances()) names.insert(kernels.name);
  EXPECT_EQ(names.size(), AllDistances().size());
}

}  // namespace
}  // namespace vecnest::index::kernels
