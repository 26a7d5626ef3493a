#include "embedder/pooling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vecnest::embedder {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

constexpr float kRows[] = {3, -1, 0,  //
                           1, -3, 8};

TEST(PoolingTest, Modes) {
  EXPECT_THAT(PoolTokens(Pooling::kMean, kRows, 2, 3, 3, false), ElementsAre(2, -2, 4));
  EXPECT_THAT(PoolTokens(Pooling::kCls, kRows, 2, 3, 3, false), ElementsAre(3, -1, 0));
  EXPECT_THAT(PoolTokens(Pooling::kMax, kRows, 2, 3, 3, false), ElementsAre(3, -1, 8));
  EXPECT_EQ(PoolingName(Pooling::kMean), "mean");
  EXPECT_EQ(PoolingName(Pooling::kCls), "cls");
  EXPECT_EQ(PoolingName(Pooling::kMax), "max");
}

TEST(PoolingTest, CutsBeforeItNormalises) {
  EXPECT_THAT(PoolTokens(Pooling::kMax, kRows, 1, 3, 1, true), ElementsAre(FloatEq(1)));
  EXPECT_THAT(PoolTokens(Pooling::kMean, kRows, 2, 3, 2, true),
              ElementsAre(FloatEq(0.70710678F), FloatEq(-0.70710678F)));
  const float zeros[2] = {};
  EXPECT_THAT(PoolTokens(Pooling::kCls, zeros, 1, 2, 2, true), ElementsAre(0, 0));
}

TEST(PoolingTest, NoTokensGiveZero) {
  EXPECT_THAT(PoolTokens(Pooling::kMean, nullptr, 0, 3, 2, true), ElementsAre(0, 0));
}

}  // namespace
}  // namespace vecnest::embedder
