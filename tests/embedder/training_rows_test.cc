#include "embedder/training_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <vector>

namespace vecnest::embedder {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TrainingRowsTest, KnowsRowsWithoutADirection) {
  const std::vector<float> values = {3, 4, 0, 0, 1e-40F, 0, 0, -2};
  const auto rows = TrainingRows::Create(values, 2, "vectors");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->size(), 4U);
  EXPECT_EQ(rows->dimensions(), 2U);
  EXPECT_THAT(rows->directed(), ElementsAre(0, 3));
  EXPECT_TRUE(rows->IsDirected(3));
  EXPECT_FALSE(rows->IsDirected(2));
  EXPECT_THAT(rows->Raw(2), ElementsAre(1e-40F, 0));
  std::vector<float> unit(2, 7);
  rows->CopyUnit(0, unit.data());
  EXPECT_THAT(unit, ElementsAre(0.6F, 0.8F));
  rows->CopyUnit(3, unit.data());
  EXPECT_THAT(unit, ElementsAre(0, -1));
  rows->CopyUnit(2, unit.data());
  EXPECT_THAT(unit, ElementsAre(0, 0));
}

TEST(TrainingRowsTest, RefusesWhatIsNoRows) {
  std::vector<float> values(6, 1);
  EXPECT_THAT(TrainingRows::Create(values, 4, "queries").status().message(),
              HasSubstr("queries: 6 numbers make no rows of 4"));
  EXPECT_FALSE(TrainingRows::Create(values, 0, "queries").ok());
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    values[4] = bad;
    EXPECT_THAT(TrainingRows::Create(values, 2, "queries").status().message(),
                HasSubstr("queries: row 2 holds a number that is not finite"));
  }
}

TEST(DrawBelowTest, DrawsEachNumberAboutAsOften) {
  std::mt19937_64 random(1);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[DrawBelow(7, &random)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);
}

// Stored results of training depend on it.
TEST(DrawBelowTest, DrawsTheSameEverywhere) {
  std::mt19937_64 random(5489);
  EXPECT_EQ(DrawBelow(1000, &random), 14514284786278117030ULL % 1000);
  EXPECT_EQ(DrawBelow(1, &random), 0U);
}

TEST(DeckTest, DrawsAllBeforeOneComesAgain) {
  std::mt19937_64 random(2);
  Deck deck(50);
  std::vector<std::vector<size_t>> rounds(3);
  for (auto& round : rounds) {
    for (int i = 0; i < 50; ++i) round.push_back(deck.Draw(&random));
    const std::set<size_t> distinct(round.begin(), round.end());
    EXPECT_EQ(distinct.size(), 50U);
    EXPECT_EQ(*distinct.rbegin(), 49U);
  }
  EXPECT_NE(rounds[0], rounds[1]);
  EXPECT_NE(rounds[1], rounds[2]);
}

}  // namespace
}  // namespace vecnest::embedder
