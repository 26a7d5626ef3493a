#include "embedder/kernels/cross_entropy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/embedder/highway_levels.h"
#include "tests/embedder/random_values.h"

namespace vecnest::embedder::kernels {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

std::vector<double> Softmax(const std::vector<float>& scores, double sharpness) {
  std::vector<double> shares;
  double sum = 0;
  for (const float score : scores) {
    shares.push_back(std::exp(score * sharpness));
    sum += shares.back();
  }
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<float> Targets(size_t count) {
  std::vector<float> targets = Random(count, 2);
  double sum = 0;
  for (float& target : targets) sum += target = std::abs(target);
  for (float& target : targets) target /= static_cast<float>(sum);
  return targets;
}

TEST(CrossEntropyTest, AgreesWithAPlainLoop) {
  OnEveryLevel([] {
    for (size_t n = 1; n <= 67; ++n) {
      std::vector<float> scores = Random(n, 1);
      std::vector<float> targets = Targets(n);
      if (n > 3) {  // one that is never chosen
        scores[2] = kNever;
        targets[0] += targets[2];
        targets[2] = 0;
      }
      const std::vector<double> shares = Softmax(scores, 3);
      double expected = 0;
      for (size_t i = 0; i < n; ++i) {
        if (targets[i] > 0) expected -= targets[i] * std::log(shares[i]);
      }
      scores.push_back(7);
      EXPECT_NEAR(CrossEntropy(targets.data(), n, 3, 0.5F, scores.data()), expected, 1e-4) << n;
      for (size_t i = 0; i < n; ++i) {
        ASSERT_NEAR(scores[i], 0.5 * (shares[i] - targets[i]), 1e-6) << n << " " << i;
      }
      ASSERT_EQ(scores[n], 7);
    }
  });
}

TEST(CrossEntropyTest, WithoutTargetsItIsSoftmax) {
  OnEveryLevel([] {
    for (const size_t n : {1, 15, 16, 17, 40}) {
      std::vector<float> scores = Random(n, 3);
      const std::vector<double> shares = Softmax(scores, 10);
      EXPECT_EQ(CrossEntropy(nullptr, n, 10, 1, scores.data()), 0);
      for (size_t i = 0; i < n; ++i) ASSERT_NEAR(scores[i], shares[i], 1e-6);
    }
  });
}

TEST(CrossEntropyTest, LargeScoresDoNotOverflow) {
  OnEveryLevel([] {
    std::vector<float> scores = {3e4F, -3e4F, 3e4F, kNever, 0};
    const std::vector<float> targets = {0.25F, 0, 0.75F, 0, 0};
    EXPECT_NEAR(CrossEntropy(targets.data(), 5, 100, 1, scores.data()), std::log(2), 0.3);
    EXPECT_EQ(scores, std::vector<float>({0.25F, 0, -0.25F, 0, 0}));
  });
}

}  // namespace
}  // namespace vecnest::embedder::kernels
