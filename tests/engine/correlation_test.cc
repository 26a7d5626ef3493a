#include "engine/evaluation/correlation.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::engine::evaluation {
namespace {

using Values = std::vector<double>;

TEST(CorrelationTest, EqualNumbersShareRanks) {
  EXPECT_EQ(AverageRanks(Values{30, 10, 20, 10}), (Values{4, 1.5, 3, 1.5}));
  EXPECT_EQ(AverageRanks(Values{7, 7, 7}), (Values{2, 2, 2}));
  EXPECT_TRUE(AverageRanks(Values{}).empty());
}

// Deviations of a are -1, 0, 1, of b -1, -1, 2: the product 3 by the root of 2 times 6.
TEST(CorrelationTest, PearsonByHand) {
  EXPECT_NEAR(*Pearson(Values{1, 2, 3}, Values{0, 0, 3}), 3 / std::sqrt(12.0), 1e-12);
  EXPECT_NEAR(*Pearson(Values{1, 2, 3}, Values{-2, -4, -6}), -1, 1e-12);
}

// Without ties 1 - 6 sum d^2 / (n (n^2 - 1)): ranks 1 2 3 4 5 and 2 1 4 3 5 differ by 1 four times.
TEST(CorrelationTest, SpearmanByHand) {
  EXPECT_NEAR(*Spearman(Values{1, 10, 100, 1000, 1e9}, Values{5, 4, 7, 6, 8}), 1 - 24.0 / 120,
              1e-12);
  // Any rising map leaves ranks as they are.
  EXPECT_NEAR(*Spearman(Values{-3, 0, 2, 9}, Values{-27, 0, 8, 729}), 1, 1e-12);
  // Ranks 1 2.5 2.5 4 and 1 2 3 4: the product of deviations 4.5 by the root of 4.5 times 5.
  EXPECT_NEAR(*Spearman(Values{1, 2, 2, 3}, Values{1, 2, 3, 4}), 4.5 / std::sqrt(22.5), 1e-12);
}

TEST(CorrelationTest, UndefinedIsNothing) {
  EXPECT_FALSE(Spearman(Values{1, 1, 1}, Values{1, 2, 3}).has_value());
  EXPECT_FALSE(Pearson(Values{1, 2, 3}, Values{4, 4, 4}).has_value());
  EXPECT_FALSE(Pearson(Values{1}, Values{2}).has_value());
}

}  // namespace
}  // namespace vecnest::engine::evaluation
