#include "embedder/scaled_rotation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/embedder/adaptor_vectors.h"

namespace vecnest::embedder {
namespace {

// The squared distance of a map from another, and its gradient.
double Distance(const std::vector<float>& map, const std::vector<float>& goal,
                std::vector<float>* gradient) {
  double sum = 0;
  gradient->resize(map.size());
  for (size_t i = 0; i < map.size(); ++i) {
    const float difference = map[i] - goal[i];
    sum += static_cast<double>(difference) * difference;
    (*gradient)[i] = 2 * difference;
  }
  return sum;
}

TEST(ScaledRotationTest, FindsAScaledRotationThatIsNear) {
  constexpr size_t kDimensions = 12;
  const Workers workers(1);
  const std::vector<float> start = RandomRotation(kDimensions, 1);
  std::vector<float> near = start;
  const std::vector<float> noise = NormalValues(start.size(), 2);
  for (size_t i = 0; i < near.size(); ++i) near[i] += 0.1F * noise[i];
  // Its rotation is what orthogonalizing `near` gives; the scales are made up.
  ScaledRotation goal(near, std::vector<float>(kDimensions, 1), &workers);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(goal.Step(std::vector<float>(near.size(), 0), {0.0, 0.0}).ok());
  }
  std::vector<float> goal_map = goal.map();
  for (size_t i = 0; i < goal_map.size(); ++i)
    goal_map[i] *= i / kDimensions % 2 == 0 ? 1.3F : 0.8F;
  ScaledRotation map(start, std::vector<float>(kDimensions, 1), &workers);
  std::vector<float> gradient;
  const double before = Distance(map.map(), goal_map, &gradient);
  constexpr int kSteps = 400;
  for (int step = 0; step < kSteps; ++step) {
    Distance(map.map(), goal_map, &gradient);
    const double fade = 1 - static_cast<double>(step) / kSteps;
    ASSERT_TRUE(map.Step(gradient, {0.05 * fade, 0.01 * fade}).ok());
    ASSERT_LT(OrthogonalityError(map.rotation(), kDimensions), 0.07);
  }
  EXPECT_GT(before, 1);
  EXPECT_LT(Distance(map.map(), goal_map, &gradient), 1e-4);
  EXPECT_NEAR(map.scales()[0], 1.3, 1e-3);
  EXPECT_NEAR(map.scales()[1], 0.8, 1e-3);
  map.Finish();
  EXPECT_LT(OrthogonalityError(map.rotation(), kDimensions), 1e-6);
  for (size_t i = 0; i < gradient.size(); ++i) {
    EXPECT_FLOAT_EQ(map.map()[i], map.scales()[i / kDimensions] * map.rotation()[i]);
  }
}

TEST(ScaledRotationTest, StepsThatAreFarTooLongEndAtARotation) {
  constexpr size_t kDimensions = 20;
  const Workers workers(1);
  ScaledRotation map(RandomRotation(kDimensions, 3), std::vector<float>(kDimensions, 1), &workers);
  for (unsigned step = 0; step < 20; ++step) {
    // All elements in one direction: the singular value that grows most.
    const std::vector<float> gradient(kDimensions * kDimensions, step % 2 == 0 ? 1.0F : -1.0F);
    ASSERT_TRUE(map.Step(gradient, {100.0, 0.1}).ok());
    ASSERT_LT(OrthogonalityError(map.rotation(), kDimensions), 0.5);
    for (const float scale : map.scales()) ASSERT_GT(scale, 0);
  }
  map.Finish();
  EXPECT_LT(OrthogonalityError(map.rotation(), kDimensions), 1e-2);
}

}  // namespace
}  // namespace vecnest::embedder
