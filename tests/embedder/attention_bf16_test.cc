#include "embedder/kernels/attention_bf16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "embedder/precision.h"
#include "tests/embedder/plain_attention.h"

namespace vecnest::embedder::kernels {
namespace {

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
      const std::vector<double> expected = PlainAttention(qkv, shape);
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
