#include "index/value_format.h"

#include <bit>
#include <cmath>

namespace vecnest::index {
namespace {

// Finite or infinite; NaN is none of a vector's components.
float RoundToBf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t odd = bits >> 16 & 1;
  return std::bit_cast<float>((bits + 0x7fff + odd) & 0xffff0000U);
}

float RoundToF16(float value) { return static_cast<float>(static_cast<_Float16>(value)); }

}  // namespace

bool RoundTo(ValueFormat format, absl::Span<float> values) {
  if (format == ValueFormat::kF32) return true;
  bool fits = true;
  for (float& value : values) {
    value = format == ValueFormat::kF16 ? RoundToF16(value) : RoundToBf16(value);
    fits = fits && std::isfinite(value);
  }
  return fits;
}

void Narrow(ValueFormat format, absl::Span<const float> values, uint16_t* narrow) {
  for (const float value : values) {
    *narrow++ = format == ValueFormat::kF16
                    ? std::bit_cast<uint16_t>(static_cast<_Float16>(value))
                    : static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
  }
}

}  // namespace vecnest::index
