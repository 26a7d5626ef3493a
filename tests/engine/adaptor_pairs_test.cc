#include "engine/adaptor_pairs.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"

namespace vecnest::engine {
namespace {

using ::testing::HasSubstr;

std::vector<AdaptPair> Pairs(size_t count, int width, size_t negatives) {
  const std::vector<float> vector(static_cast<size_t>(width), 1.0F);
  return {count, {vector, vector, std::vector<AdaptInput>(negatives, PointId(1))}};
}

std::string ErrorOf(const std::vector<AdaptPair>& pairs) {
  const Definition definition = *Definition::Create("c", Unnamed(64));
  return std::string(CheckPairs(definition, 0, pairs).message());
}

TEST(CheckPairsTest, TakesPairsOfOneShape) {
  EXPECT_EQ(ErrorOf(Pairs(16, 64, 0)), "");
  EXPECT_EQ(ErrorOf(Pairs(100, 64, 5)), "");
}

TEST(CheckPairsTest, NamesThePairThatIsWrong) {
  EXPECT_THAT(ErrorOf(Pairs(15, 64, 0)), HasSubstr("pairs: 15, expected 16"));
  auto pairs = Pairs(20, 64, 0);
  pairs[4].negatives.emplace_back(PointId(1));
  EXPECT_THAT(ErrorOf(pairs), HasSubstr("pair 5: 1 negatives, but the first has 0"));
  pairs = Pairs(20, 64, 1);
  pairs[6].query = std::vector<float>(3);
  EXPECT_THAT(ErrorOf(pairs), HasSubstr("pair 7, query: it has 3 dimensions, expected 64"));
  pairs = Pairs(20, 64, 1);
  pairs[7].negatives[0] = std::vector<float>(65);
  EXPECT_THAT(ErrorOf(pairs), HasSubstr("pair 8, a negative: it has 65 dimensions, expected 64"));
}

TEST(CheckPairsTest, NegativesHaveALimit) {
  EXPECT_EQ(ErrorOf(Pairs(16, 64, 100)), "");
  EXPECT_THAT(ErrorOf(Pairs(16, 64, 101)), HasSubstr("101 negatives, expected at most 100"));
}

TEST(CheckPairsTest, WhatDoesNotFitInMemoryIsRefused) {
  // 102 rows of 64 numbers each: 26 KB a pair.
  EXPECT_THAT(ErrorOf(Pairs(83'000, 64, 100)), HasSubstr("pairs: 83000, expected 16 to 82"));
}

}  // namespace
}  // namespace vecnest::engine
