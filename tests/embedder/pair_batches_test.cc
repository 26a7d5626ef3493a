#include "embedder/pair_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace vecnest::embedder {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A row of a batch of vectors of two numbers.
std::vector<float> RowOf(const std::vector<float>& rows, size_t row) {
  return {rows.begin() + 2 * row, rows.begin() + 2 * row + 2};
}

TEST(PairBatchesTest, EveryQueryGetsItsPositiveAndAllNegatives) {
  const std::vector<float> queries = {1, 0, 0, 1, -2, 0};
  const std::vector<float> positives = {0, 5, 3, 4, 0, -1};
  const std::vector<float> negatives = {1, 0, 0, 2, -1, 0, 0, -3, 0.6F, 0.8F, 0, 0};
  auto batches = PairBatches::Create({queries, positives, negatives, 2}, 2);
  ASSERT_TRUE(batches.ok()) << batches.status();
  ASSERT_EQ(batches->size(), 3U);
  std::mt19937_64 random(1);
  PrefixBatch batch;
  batches->Next(3, &random, &batch);
  EXPECT_EQ(batch.query_count, 3U);
  EXPECT_EQ(batch.candidate_count, 9U);
  std::set<std::vector<float>> seen;
  for (size_t i = 0; i < 3; ++i) {
    const std::vector<float> query = RowOf(batch.queries, i);
    seen.insert(query);
    const std::vector<float> positive = RowOf(batch.candidates, i);
    const std::vector<float> first = RowOf(batch.candidates, 3 + 2 * i);
    const std::vector<float> second = RowOf(batch.candidates, 4 + 2 * i);
    if (query == std::vector<float>({1, 0})) {
      EXPECT_THAT(positive, ElementsAre(0, 1));
      EXPECT_THAT(first, ElementsAre(1, 0));
      EXPECT_THAT(second, ElementsAre(0, 1));
    } else if (query == std::vector<float>({0, 1})) {
      EXPECT_THAT(positive, ElementsAre(0.6F, 0.8F));
      EXPECT_THAT(first, ElementsAre(-1, 0));
    } else {
      EXPECT_EQ(query, std::vector<float>({-1, 0}));  // to unit length
      EXPECT_THAT(second, ElementsAre(0, 0));
    }
    std::vector<float> expected(9);
    expected[i] = 1;
    EXPECT_THAT(
        std::vector<float>(batch.targets.begin() + 9 * i, batch.targets.begin() + 9 * i + 9),
        testing::ElementsAreArray(expected));
  }
  EXPECT_EQ(seen.size(), 3U);
}

TEST(PairBatchesTest, WhatIsEqualToAPositiveIsNoWrongChoice) {
  // The first query has two positives; the third's positive is one of them, and a negative too.
  const std::vector<float> queries = {1, 0, 1, 0, 0, 1};
  const std::vector<float> positives = {0, 1, 1, 1, 0, 1};
  const std::vector<float> negatives = {3, 0, 0, 1, 4, 0};
  auto batches = PairBatches::Create({queries, positives, negatives, 1}, 2);
  ASSERT_TRUE(batches.ok()) << batches.status();
  std::mt19937_64 random(1);
  PrefixBatch batch;
  batches->Next(3, &random, &batch);
  for (size_t i = 0; i < 3; ++i) {
    const bool is_third = RowOf(batch.queries, i) == std::vector<float>({0, 1});
    for (size_t j = 0; j < 6; ++j) {
      const std::vector<float> candidate = RowOf(batch.candidates, j);
      const bool is_shared = candidate == std::vector<float>({0, 1});
      const bool is_own = candidate[0] == candidate[1];  // of the first query alone
      const float expected = is_third              ? (is_shared ? 1.0F / 3 : 0)
                             : is_shared || is_own ? 0.25F
                                                   : 0;
      EXPECT_EQ(batch.targets[i * 6 + j], expected) << i << " " << j;
    }
  }
}

TEST(PairBatchesTest, PairsWithZerosAreLeftOut) {
  const std::vector<float> queries = {1, 0, 0, 0, 0, 1, 1, 1};
  const std::vector<float> positives = {1, 0, 1, 0, 0, 0, 1, 0};
  auto batches = PairBatches::Create({queries, positives, {}, 0}, 2);
  ASSERT_TRUE(batches.ok()) << batches.status();
  EXPECT_EQ(batches->size(), 2U);
  EXPECT_EQ(batches->positives().size(), 4U);
}

TEST(PairBatchesTest, SizesThatDoNotFitAreRefused) {
  const std::vector<float> two(4, 1), one(2, 1);
  const auto message = [](const AdaptorPairs& pairs, size_t dimensions) {
    return std::string(PairBatches::Create(pairs, dimensions).status().message());
  };
  EXPECT_THAT(message({two, one, {}, 0}, 2), HasSubstr("2 queries with 1 positives"));
  EXPECT_THAT(message({two, two, one, 1}, 2), HasSubstr("and 1 negatives are no pairs of 1"));
  EXPECT_THAT(message({two, two, one, 0}, 2), HasSubstr("no pairs of 0 negatives"));
  EXPECT_THAT(message({two, two, {}, 0}, 3), HasSubstr("queries: 4 numbers"));
  EXPECT_EQ(message({two, two, two, 1}, 2), "");
}

}  // namespace
}  // namespace vecnest::embedder
