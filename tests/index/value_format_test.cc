#include "index/value_format.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

using ::testing::ElementsAre;

std::vector<float> Rounded(ValueFormat format, std::vector<float> values) {
  EXPECT_TRUE(RoundTo(format, absl::MakeSpan(values)));
  return values;
}

// Neighbours of 1 in each format, the ties between them, and what lies next to the ties.
TEST(ValueFormatTest, RoundsToTheNearestTiesToEven) {
  const float f16 = 0x1p-10F;
  EXPECT_THAT(Rounded(ValueFormat::kF16, {1 + f16 / 2, 1 + 3 * f16 / 2, 1 + 0.51F * f16}),
              ElementsAre(1, 1 + 2 * f16, 1 + f16));
  const float bf16 = 0x1p-7F;
  EXPECT_THAT(Rounded(ValueFormat::kBf16, {1 + bf16 / 2, 1 + 3 * bf16 / 2, 1 + 0.51F * bf16}),
              ElementsAre(1, 1 + 2 * bf16, 1 + bf16));
  EXPECT_THAT(Rounded(ValueFormat::kF16, {-0x1p-25F, 0x1.8p-24F, 65519}),
              ElementsAre(-0.0F, 0x1p-23F, 65504));
  EXPECT_THAT(Rounded(ValueFormat::kF32, {0.1F, 1e30F}), ElementsAre(0.1F, 1e30F));
}

TEST(ValueFormatTest, SaysWhatDoesNotFit) {
  std::vector<float> values = {1, 65520};
  EXPECT_FALSE(RoundTo(ValueFormat::kF16, absl::MakeSpan(values)));
  values = {std::numeric_limits<float>::max()};
  EXPECT_FALSE(RoundTo(ValueFormat::kBf16, absl::MakeSpan(values)));
}

TEST(ValueFormatTest, NumbersAreNarrowedToTheirBits) {
  const std::vector<float> values = {1, -2, 0.5F, 0};
  std::vector<uint16_t> narrow(4);
  Narrow(ValueFormat::kF16, values, narrow.data());
  EXPECT_THAT(narrow, ElementsAre(0x3c00, 0xc000, 0x3800, 0));
  Narrow(ValueFormat::kBf16, values, narrow.data());
  EXPECT_THAT(narrow, ElementsAre(0x3f80, 0xc000, 0x3f00, 0));
}

}  // namespace
}  // namespace vecnest::index
