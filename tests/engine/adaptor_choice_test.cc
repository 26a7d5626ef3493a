#include "engine/evaluation/adaptor_choice.h"

#include <cmath>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine::evaluation {
namespace {

using ::testing::HasSubstr;

// Most of the length along the last axes.
VectorMatrix LastAxesFirst(size_t count) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  VectorMatrix vectors = {16, {}};
  for (size_t i = 0; i < count * vectors.width; ++i) {
    const auto axis = static_cast<float>(i % vectors.width);
    vectors.values.push_back(normal(random) * (1 + axis));
  }
  return Normalized(vectors);
}

std::string Error(const AdaptorChoice& choice, const ModelInfo& model, size_t texts,
                  Metric metric) {
  return std::string(choice.Check(model, texts, {metric}).message());
}

TEST(AdaptorChoiceTest, WhatCannotBeIsRefused) {
  const absl::Status none = AdaptorChoice::Read("pairs").status();
  EXPECT_THAT(std::string(none.message()), HasSubstr("none, rotation or prefixes"));
  ModelInfo model;
  model.name = "m";
  model.dimensions = 16;
  const auto prefixes = *AdaptorChoice::Read("prefixes");
  const auto rotation = *AdaptorChoice::Read("rotation");
  EXPECT_EQ(Error(prefixes, model, 100, Metric::kCosine), "");
  EXPECT_THAT(Error(prefixes, model, 99, Metric::kCosine), HasSubstr("99"));
  EXPECT_THAT(Error(rotation, model, 100, Metric::kManhattan), HasSubstr("Manhattan"));
  // Vectors have lengths that count.
  EXPECT_THAT(Error(prefixes, model, 100, Metric::kDot), HasSubstr("'rotation'"));
  EXPECT_EQ(Error(rotation, model, 100, Metric::kDot), "");
  model.normalized = true;
  EXPECT_EQ(Error(prefixes, model, 100, Metric::kDot), "");
  EXPECT_EQ(Error(*AdaptorChoice::Read("none"), model, 1, Metric::kManhattan), "");
}

TEST(AdaptorChoiceTest, ARotationPutsTheStrongAxesFirst) {
  const VectorMatrix vectors = LastAxesFirst(500);
  const auto choice = *AdaptorChoice::Read("rotation");
  ModelInfo model;
  model.name = "m";
  model.identity = "abc";
  const auto adaptor = choice.Make(vectors, model, {}, [](double) { return absl::OkStatus(); });
  ASSERT_TRUE(adaptor.ok()) << adaptor.status();
  EXPECT_EQ((*adaptor)->info().method, "rotation");
  EXPECT_EQ((*adaptor)->info().samples, 500U);
  EXPECT_EQ((*adaptor)->info().model_identity, "abc");
  const auto share_of_first = [](const VectorMatrix& all) {
    double sum = 0;
    for (size_t i = 0; i < all.count(); ++i) {
      for (const float value : all.Row(i).subspan(0, 4)) sum += double{value} * value;
    }
    return sum / static_cast<double>(all.count());
  };
  const auto turned = AdaptAndCut(**adaptor, vectors, 16, true);
  ASSERT_TRUE(turned.ok()) << turned.status();
  EXPECT_LT(share_of_first(vectors), 0.05);
  EXPECT_GT(share_of_first(*turned), 0.5);
  const auto cut = AdaptAndCut(**adaptor, vectors, 4, true);
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_EQ(cut->count(), 500U);
  EXPECT_NEAR(share_of_first(*cut), 1, 1e-5);
}

TEST(AdaptorChoiceTest, LearningCanBeEnded) {
  const auto choice = *AdaptorChoice::Read("prefixes");
  const auto ended = choice.Make(LastAxesFirst(200), {}, {},
                                 [](double) { return absl::CancelledError("enough"); });
  EXPECT_TRUE(absl::IsCancelled(ended.status()));
}

}  // namespace
}  // namespace vecnest::engine::evaluation
