#include "embedder/kernels/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/embedder/highway_levels.h"
#include "tests/embedder/random_values.h"

namespace vecnest::embedder::kernels {
namespace {

// Every length up to three of the widest vectors and one more, and one that is far from any.
std::vector<size_t> Lengths() {
  std::vector<size_t> lengths;
  for (size_t n = 1; n <= 49; ++n) lengths.push_back(n);
  lengths.push_back(387);
  return lengths;
}

TEST(ElementwiseTest, AddThree) {
  OnEveryLevel([] {
    for (const size_t n : Lengths()) {
      const auto a = Random(n, 1), b = Random(n, 2), c = Random(n, 3);
      std::vector<float> out(n + 1, 7);
      AddThree(a.data(), b.data(), c.data(), n, out.data());
      for (size_t i = 0; i < n; ++i) ASSERT_FLOAT_EQ(out[i], a[i] + b[i] + c[i]);
      ASSERT_EQ(out[n], 7);
    }
  });
}

TEST(ElementwiseTest, LayerNorm) {
  OnEveryLevel([] {
    constexpr size_t kRows = 3;
    for (const size_t n : Lengths()) {
      const auto x = Random(kRows * n, 1), y = Random(kRows * n, 2);
      const auto scale = Random(n, 3), shift = Random(n, 4);
      for (const float* added : {static_cast<const float*>(nullptr), y.data()}) {
        std::vector<float> out(kRows * n + 1, 7);
        LayerNorm(x.data(), added, scale.data(), shift.data(), 1e-3F, kRows, n, out.data());
        for (size_t r = 0; r < kRows; ++r) {
          std::vector<double> s(n);
          double mean = 0, variance = 0;
          for (size_t i = 0; i < n; ++i) {
            s[i] = x[r * n + i] + (added == nullptr ? 0.0 : added[r * n + i]);
            mean += s[i] / static_cast<double>(n);
          }
          for (const double v : s) variance += (v - mean) * (v - mean) / static_cast<double>(n);
          for (size_t i = 0; i < n; ++i) {
            ASSERT_NEAR(out[r * n + i],
                        (s[i] - mean) / std::sqrt(variance + 1e-3) * scale[i] + shift[i], 2e-4)
                << n;
          }
        }
        ASSERT_EQ(out[kRows * n], 7);
      }
    }
  });
}

TEST(ElementwiseTest, GeluOverTheWholeRange) {
  OnEveryLevel([] {
    std::vector<float> x;
    for (float v = -12; v <= 12; v += 0.000'37F) x.push_back(v);
    x.insert(x.end(), {0.0F, -0.0F, 1e-30F, -1e-30F, 1e30F, -1e30F, 40.0F});
    std::vector<float> out = x;
    Gelu(out.data(), out.size());
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = x[i] * 0.5 * std::erfc(-static_cast<double>(x[i]) / std::sqrt(2.0));
      worst = std::max(worst, std::abs(out[i] - exact) / std::max(1.0, std::abs(double{x[i]})));
    }
    EXPECT_LT(worst, 5e-7);
  });
}

TEST(ElementwiseTest, RowsAndLengths) {
  OnEveryLevel([] {
    constexpr size_t kRows = 5;
    for (const size_t n : Lengths()) {
      const auto x = Random(kRows * n, 1);
      std::vector<float> mean(n + 1, 7), largest(n + 1, 7),
          unit(x.begin(), x.begin() + static_cast<long>(n));
      MeanOfRows(x.data(), kRows, n, mean.data());
      MaxOfRows(x.data(), kRows, n, largest.data());
      ScaleToUnitLength(unit.data(), n);
      double squares = 0;
      for (size_t i = 0; i < n; ++i) {
        double sum = 0;
        float most = x[i];
        for (size_t r = 0; r < kRows; ++r) {
          sum += x[r * n + i];
          most = std::max(most, x[r * n + i]);
        }
        ASSERT_NEAR(mean[i], sum / kRows, 2e-6);
        ASSERT_EQ(largest[i], most);
        squares += static_cast<double>(unit[i]) * unit[i];
      }
      ASSERT_EQ(mean[n], 7);
      ASSERT_EQ(largest[n], 7);
      ASSERT_NEAR(squares, 1, 1e-6);
    }
    std::vector<float> zeros(20);
    ScaleToUnitLength(zeros.data(), zeros.size());
    EXPECT_EQ(zeros, std::vector<float>(20));
    std::vector<float> huge(20, 1e30F);
    ScaleToUnitLength(huge.data(), huge.size());
    for (const float value : huge) EXPECT_TRUE(std::isnan(value));
  });
}

}  // namespace
}  // namespace vecnest::embedder::kernels
