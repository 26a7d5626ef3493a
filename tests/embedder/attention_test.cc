#include "embedder/kernels/attention.h"
#include "embedder/kernels/attention_bf16.h"
#include "embedder/precision.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/embedder/highway_levels.h"

namespace vecnest::embedder::kernels {
namespace {

std::vector<double> Plain(const std::vector<float>& qkv, const AttentionShape& shape) {
  const size_t width = shape.heads * shape.head_width;
  std::vector<double> out(shape.tokens * width);
  for (size_t h = 0; h < shape.heads; ++h) {
    for (size_t t = 0; t < shape.tokens; ++t) {
      const auto at = [&](size_t token, size_t part, size_t i) {
        return static_cast<double>(
            qkv[token * 3 * width + part * width + h * shape.head_width + i]);
      };
      std::vector<double> weights(shape.tokens);
      double largest = -1e300, sum = 0;
      for (size_t u = 0; u < shape.tokens; ++u) {
        for (size_t i = 0; i < shape.head_width; ++i) weights[u] += at(t, 0, i) * at(u, 1, i);
        weights[u] /= std::sqrt(static_cast<double>(shape.head_width));
        largest = std::max(largest, weights[u]);
      }
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      for (size_t i = 0; i < shape.head_width; ++i) {
        for (size_t u = 0; u < shape.tokens; ++u) {
          out[t * width + h * shape.head_width + i] += weights[u] / sum * at(u, 2, i);
        }
      }
    }
  }
  return out;
}

TEST(AttentionTest, AgreesWithAPlainLoop) {
  OnEveryLevel([] {
    for (const size_t head_width : {1, 12, 16, 32, 33, 64}) {
      for (const size_t tokens : {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 23, 33, 48, 100}) {
        const AttentionShape shape = {tokens, 3, head_width};
        const size_t width = shape.heads * head_width;
        std::mt19937 random(1);
        std::normal_distribution<float> normal(0, 1.5);
        std::vector<float> qkv(tokens * 3 * width);
        for (float& value : qkv) value = normal(random);
        // Scratch memory and what lies behind it hold garbage.
        std::vector<float> scratch(AttentionScratch(shape) + 1, NAN);
        std::vector<float> out(tokens * width + 1, 7);
        Attention(qkv.data(), shape, scratch.data(), out.data());
        const std::vector<double> expected = Plain(qkv, shape);
        for (size_t i = 0; i < expected.size(); ++i) {
          ASSERT_NEAR(out[i], expected[i], 2e-5) << tokens << " tokens, width " << head_width;
        }
        ASSERT_EQ(out.back(), 7);
        ASSERT_TRUE(std::isnan(scratch.back()));
      }
    }
  });
}

TEST(AttentionTest, LargeScoresDoNotOverflow) {
  OnEveryLevel([] {
    const AttentionShape shape = {20, 1, 16};
    std::vector<float> qkv(20 * 48, 1000.0F);
    std::vector<float> scratch(AttentionScratch(shape));
    std::vector<float> out(20 * 16);
    Attention(qkv.data(), shape, scratch.data(), out.data());
    for (const float value : out) EXPECT_NEAR(value, 1000, 1e-2);
  });
}

TEST(AttentionTest, ScratchIsLinearInTheLength) {
  EXPECT_EQ(AttentionScratch({512, 12, 32}) * 2, AttentionScratch({1024, 12, 32}) + 6 * 32);
}

TEST(AttentionBf16Test, AgreesWithAPlainLoop) {
  if (!IsSupported(Precision::kBf16)) GTEST_SKIP() << "this CPU lacks bf16";
  for (const size_t head_width : {1, 12, 16, 32, 33, 64, 96}) {
    for (const size_t tokens : {1, 2, 3, 5, 6, 7, 12, 15, 16, 17, 23, 31, 32, 33, 64, 65, 200}) {
      const AttentionShape shape = {tokens, 3, head_width};
      const size_t width = shape.heads * head_width;
      std::mt19937 random(1);
      std::normal_distribution<float> normal;
      std::vector<float> qkv(tokens * 3 * width);
      for (float& value : qkv) {
        // Of few bits, so that rounding the input loses nothing.
        value = std::round(normal(random) * 32) / 32;
      }
      std::vector<float> scratch(AttentionBf16Scratch(shape) + 1, NAN);
      std::vector<float> out(tokens * width + 1, 7);
      AttentionBf16(qkv.data(), shape, scratch.data(), out.data());
      const std::vector<double> expected = Plain(qkv, shape);
      for (size_t i = 0; i < expected.size(); ++i) {
        // Queries (scaled) and weights are rounded to 8 bits.
        ASSERT_NEAR(out[i], expected[i], 0.03) << tokens << " tokens, width " << head_width;
      }
      ASSERT_EQ(out.back(), 7);
      ASSERT_TRUE(std::isnan(scratch.back()));
    }
  }
}

TEST(AttentionBf16Test, ScratchIsLinearInTheLength) {
  EXPECT_LT(AttentionBf16Scratch({1024, 12, 32}), 2 * AttentionBf16Scratch({512, 12, 32}));
}

}  // namespace
}  // namespace vecnest::embedder::kernels
