// How the components of stored vectors look in a segment file. The 16-bit formats halve what is
// mapped; everything that computes sees f32, because every number of theirs is one of f32.
#ifndef VECNEST_INDEX_VALUE_FORMAT_H_
#define VECNEST_INDEX_VALUE_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace vecnest::index {

enum class ValueFormat : uint32_t {
  kF32 = 0,
  kF16 = 1,   // IEEE 754 binary16: 11 bits of precision, up to 65504
  kBf16 = 2,  // the upper half of f32: 8 bits of precision, the range of f32
};

constexpr size_t ValueBytes(ValueFormat format) { return format == ValueFormat::kF32 ? 4 : 2; }

// Rounds to the nearest numbers of the format, ties to even. False: a finite number is beyond its
// range, and became infinite.
bool RoundTo(ValueFormat format, absl::Span<float> values);

// Writes numbers of a 16-bit format, which they are, in their 16 bits.
void Narrow(ValueFormat format, absl::Span<const float> values, uint16_t* narrow);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_VALUE_FORMAT_H_
