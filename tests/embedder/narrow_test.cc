#include "embedder/kernels/narrow.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "tests/embedder/highway_levels.h"
#include "tests/embedder/random_values.h"

namespace vecnest::embedder::kernels {
namespace {

TEST(NarrowTest, BfloatIsTheNearest) {
  OnEveryLevel([] {
    for (size_t n = 1; n <= 49; ++n) {
      auto x = Random(n, static_cast<unsigned>(n));
      x[0] = 1.00390625F;  // half way between 1 and its successor: to even
      std::vector<uint16_t> out(n + 1, 7);
      ToBfloat16(x.data(), n, out.data());
      EXPECT_EQ(out[0], 0x3F80);
      for (size_t i = 0; i < n; ++i) {
        const float back = std::bit_cast<float>(uint32_t{out[i]} << 16);
        ASSERT_LE(std::fabs(back - x[i]), std::fabs(x[i]) / 256);
        for (const int step : {-1, 1}) {
          const auto near = static_cast<uint32_t>(out[i] + step) << 16;
          ASSERT_LE(std::fabs(back - x[i]), std::fabs(std::bit_cast<float>(near) - x[i]));
        }
      }
      ASSERT_EQ(out[n], 7);
    }
  });
}

TEST(NarrowTest, QuantisedRowsReadBack) {
  OnEveryLevel([] {
    constexpr size_t kRows = 3;
    for (size_t n = 1; n <= 49; ++n) {
      auto x = Random(kRows * n, static_cast<unsigned>(n));
      std::fill_n(x.begin(), n, 0.0F);                               // nothing
      std::fill_n(x.begin() + static_cast<ptrdiff_t>(n), n, -3.0F);  // one sign only
      std::vector<uint8_t> out(kRows * n + 1, 7);
      std::vector<RowScale> scales(kRows);
      QuantizeRows(x.data(), kRows, n, out.data(), scales.data());
      for (size_t r = 0; r < kRows; ++r) {
        for (size_t i = 0; i < n; ++i) {
          const float back =
              scales[r].scale * (static_cast<float>(out[r * n + i]) - scales[r].zero);
          ASSERT_NEAR(back, x[r * n + i], scales[r].scale * 1.001F) << r << " " << i;
        }
      }
      ASSERT_EQ(out.back(), 7);
    }
  });
}

TEST(NarrowTest, DequantisedSums) {
  OnEveryLevel([] {
    constexpr size_t kRows = 2;
    for (size_t n = 1; n <= 49; ++n) {
      const auto weight_scales = Random(n, 1), weight_sums = Random(n, 2), bias = Random(n, 3);
      const std::vector<RowScale> scales = {{0.5F, 3}, {0.25F, 200}};
      for (const bool gelu : {false, true}) {
        std::vector<float> y(kRows * n + 1, 7);
        for (size_t i = 0; i < kRows * n; ++i) {
          y[i] = std::bit_cast<float>(static_cast<int32_t>(i) * 7 - 100);
        }
        DequantizeRows({weight_scales.data(), weight_sums.data(), bias.data(), gelu}, scales.data(),
                       kRows, n, y.data());
        for (size_t i = 0; i < kRows * n; ++i) {
          const RowScale& row = scales[i / n];
          const double sum = static_cast<double>(i) * 7 - 100;
          double expected = static_cast<double>(row.scale) * weight_scales[i % n] *
                                (sum - static_cast<double>(row.zero) * weight_sums[i % n]) +
                            bias[i % n];
          if (gelu) expected *= (1 + std::erf(expected / std::sqrt(2.0))) / 2;
          ASSERT_NEAR(y[i], expected, 1e-3);
        }
        ASSERT_EQ(y.back(), 7);
      }
    }
  });
}

}  // namespace
}  // namespace vecnest::embedder::kernels
