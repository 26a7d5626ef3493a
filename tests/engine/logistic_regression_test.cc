#include "engine/evaluation/logistic_regression.h"

#include <cmath>
#include <random>
#include <stop_token>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::engine::evaluation {
namespace {

using Labels = std::vector<uint32_t>;

// One number per text, -1 and 1, three of each; by symmetry the boundary is at 0, and the weight w
// of the second label solves w = c * 6 / (1 + exp(w)).
TEST(LogisticRegressionTest, TwoLabelsByHand) {
  const VectorMatrix vectors = {1, {-1, -1, -1, 1, 1, 1}};
  const Labels labels = {0, 0, 0, 1, 1, 1};
  const auto fitted = LogisticRegression::Fit(vectors, labels, 2, {}, {});
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const double probability = fitted->Probabilities({{1.0F}})[1];
  const double weight = std::log(probability / (1 - probability));
  EXPECT_NEAR(weight, 6 / (1 + std::exp(weight)), 1e-4);
  EXPECT_NEAR(fitted->Probabilities({{0.0F}})[0], 0.5, 1e-5);
  EXPECT_EQ(*fitted->Predict({1, {-0.1F, 0.1F}}), (Labels{0, 1}));
}

// With three labels at the corners of a triangle the weights of each label point to its corner, all
// of one length s that solves s = c * 3 * (1 - p) for the probability p of a corner's own label.
TEST(LogisticRegressionTest, ThreeLabelsByHand) {
  const float half = 0.5F;
  const float side = std::sqrt(3.0F) / 2;
  const VectorMatrix corners = {2, {1, 0, -half, side, -half, -side}};
  const auto fitted = LogisticRegression::Fit(corners, Labels{0, 1, 2}, 3, {}, {});
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const double p = fitted->Probabilities(corners.Row(0))[0];
  // Logits are s at the own corner and -s / 2 at the others; the gradient along the own direction
  // is (1 - p) + 2 * (1 - p) / 2 * 1 / 2.
  const double s = 1.5 * (1 - p);
  EXPECT_NEAR(p, std::exp(s) / (std::exp(s) + 2 * std::exp(-s / 2)), 1e-4);
}

// At a minimum the sum of errors per label is zero, the intercepts being free: mean probabilities
// are the labels' shares.
TEST(LogisticRegressionTest, ProbabilitiesAverageToTheSharesOfLabels) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  VectorMatrix vectors = {8, {}};
  Labels labels;
  for (size_t i = 0; i < 3000; ++i) {
    const uint32_t label = i % 10 < 5 ? 0 : (i % 10 < 8 ? 1 : 2);
    for (size_t d = 0; d < 8; ++d) {
      vectors.values.push_back(normal(random) + (d == label ? 1.0F : 0.0F));
    }
    labels.push_back(label);
  }
  const auto fitted = LogisticRegression::Fit(vectors, labels, 3, {.threads = 2}, {});
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  std::vector<double> sums(3);
  for (size_t i = 0; i < vectors.count(); ++i) {
    const std::vector<double> probabilities = fitted->Probabilities(vectors.Row(i));
    for (size_t k = 0; k < 3; ++k) sums[k] += probabilities[k] / 3000;
  }
  EXPECT_NEAR(sums[0], 0.5, 1e-4);
  EXPECT_NEAR(sums[1], 0.3, 1e-4);
  EXPECT_NEAR(sums[2], 0.2, 1e-4);
}

// Few texts of many dimensions, which f32 is too coarse for.
TEST(LogisticRegressionTest, FindsTheMinimumOfFewTexts) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (int draw = 0; draw < 20; ++draw) {
    VectorMatrix vectors = {384, {}};
    Labels labels;
    for (uint32_t i = 0; i < 180; ++i) {
      double squares = 0;
      for (size_t d = 0; d < 384; ++d) {
        vectors.values.push_back(normal(random) + (d % 6 == i % 6 ? 0.3F : 0.0F));
        squares += double{vectors.values.back()} * vectors.values.back();
      }
      for (float& value : vectors.Row(i)) value /= static_cast<float>(std::sqrt(squares));
      labels.push_back(i % 6);
    }
    const auto fitted = LogisticRegression::Fit(vectors, labels, 6, {}, {});
    EXPECT_TRUE(fitted.ok()) << fitted.status();
  }
}

TEST(LogisticRegressionTest, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  const VectorMatrix vectors = {1, {0, 1}};
  EXPECT_TRUE(absl::IsCancelled(
      LogisticRegression::Fit(vectors, Labels{0, 1}, 2, {}, {.stop = stop.get_token()}).status()));
}

TEST(LogisticRegressionTest, SaysSoWhenIterationsDoNotSuffice) {
  const VectorMatrix vectors = {2, {-1, 5, 2, 3, 4, -2, 3, 3}};
  const auto fitted =
      LogisticRegression::Fit(vectors, Labels{0, 1, 0, 1}, 2, {.c = 1e4, .max_iterations = 1}, {});
  EXPECT_TRUE(absl::IsInternal(fitted.status())) << fitted.status();
}

}  // namespace
}  // namespace vecnest::engine::evaluation
