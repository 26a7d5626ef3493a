#include "index/kernels/widen.h"

#include <bit>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::index::kernels {
namespace {

// From the definition of binary16.
float PlainF16(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  const float sign = (bits & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

TEST(WidenTest, EveryFiniteNumberAtEveryLevel) {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  ASSERT_FALSE(AllWidening().empty());
  for (const WidenKernels& kernels : AllWidening()) {
    std::vector<float> f16(all.size());
    std::vector<float> bf16(all.size());
    kernels.f16(all.data(), all.size(), f16.data());
    kernels.bf16(all.data(), all.size(), bf16.data());
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(std::bit_cast<uint32_t>(bf16[i]), i << 16) << kernels.name;
      if ((i >> 10 & 31) == 31) continue;
      EXPECT_EQ(std::bit_cast<uint32_t>(f16[i]), std::bit_cast<uint32_t>(PlainF16(all[i])))
          << kernels.name << " " << i;
    }
  }
}

}  // namespace
}  // namespace vecnest::index::kernels
