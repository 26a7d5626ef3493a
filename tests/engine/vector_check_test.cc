#include "engine/vector_check.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/conversions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using testing::HasSubstr;

TEST(CheckVectorTest, WhatCanNotBeSearchedIsRefused) {
  SlotDefinition slot;
  slot.name = "v";
  slot.config = {2, Metric::kCosine, {}};
  const auto check = [&](const std::vector<float>& vector) {
    const absl::Status status = CheckVector(PointId(7), slot, vector);
    return status.ok() ? "" : std::string(status.message());
  };
  EXPECT_EQ(check({1, 2}), "");
  EXPECT_EQ(check({0, 0}), "");
  EXPECT_THAT(check({1, 2, 3}), HasSubstr("expected dim: 2, got 3 (point 7, vector 'v'"));
  EXPECT_THAT(check({1, std::nanf("")}), HasSubstr("component 1 is nan"));
  EXPECT_THAT(check({std::numeric_limits<float>::infinity(), 1}), HasSubstr("component 0 is inf"));
  EXPECT_THAT(check({3e30F, 1}), HasSubstr("point 7, vector 'v': the vector's length"));
  EXPECT_THAT(check({3e-30F, 0}), HasSubstr("the vector's length"));
  slot.config.metric = Metric::kEuclid;
  EXPECT_EQ(check({3e30F, 1}), "");
  EXPECT_EQ(check({3e-30F, 0}), "");
}

TEST(RoundVectorsTest, VectorsBecomeWhatTheirSlotHolds) {
  CollectionConfig config;
  config.vectors["half"] = {2, Metric::kDot, {}, VectorDatatype::kFloat16};
  config.vectors["whole"] = {2, Metric::kDot, {}};
  const auto definition = Definition::Create("c", config);
  ASSERT_TRUE(definition.ok());
  const auto round = [&](Slot slot, std::vector<float> vector) {
    std::vector<PointChange> changes(1);
    changes[0].key = ToStorageKey(PointId(7));
    changes[0].vectors.push_back({slot, {}, {}, std::move(vector)});
    const absl::Status status = RoundVectors(*definition, changes);
    return std::pair(std::string(status.message()), changes[0].vectors[0].vector);
  };
  const float between = 1 + 0x1p-12F;
  EXPECT_EQ(round(0, {between, 2}), std::pair(std::string(), std::vector<float>{1, 2}));
  EXPECT_EQ(round(1, {between, 2}), std::pair(std::string(), std::vector<float>{between, 2}));
  EXPECT_EQ(round(0, {0, 0}).first, "");
  EXPECT_THAT(round(0, {1, 70000}).first,
              testing::AllOf(HasSubstr("point 7, vector 'half'"), HasSubstr("component 1 is 70000"),
                             HasSubstr("float16")));
  EXPECT_THAT(round(0, {1e-9F, 0}).first, HasSubstr("round to zero"));
  EXPECT_EQ(round(1, {1e-9F, 70000}).first, "");
}

}  // namespace
}  // namespace vecnest::engine
