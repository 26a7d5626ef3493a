#include "embedder/kernels/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/embedder/highway_levels.h"
#include "tests/embedder/plain_attention.h"

namespace vecnest::embedder::kernels {
namespace {

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
        const std::vector<double> expected = PlainAttention(qkv, shape);
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

}  // namespace
}  // namespace vecnest::embedder::kernels
