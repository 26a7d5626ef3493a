#include "embedder/precision.h"

#include <gtest/gtest.h>

namespace vecnest::embedder {
namespace {

TEST(PrecisionTest, NamesReadBack) {
  for (const Precision precision : {Precision::kF32, Precision::kBf16, Precision::kInt8}) {
    EXPECT_EQ(ParsePrecision(PrecisionName(precision)), precision);
  }
  EXPECT_EQ(PrecisionName(Precision::kBf16), "bf16");
  EXPECT_FALSE(ParsePrecision("fp16").has_value());
  EXPECT_FALSE(ParsePrecision("").has_value());
}

TEST(PrecisionTest, TheReferenceRunsEverywhere) { EXPECT_TRUE(IsSupported(Precision::kF32)); }

}  // namespace
}  // namespace vecnest::embedder
