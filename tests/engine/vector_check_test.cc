#include "engine/vector_check.h"

#include <cmath>
#include <limits>
#include <string>

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

}  // namespace
}  // namespace vecnest::engine
