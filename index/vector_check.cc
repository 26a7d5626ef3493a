#include "index/vector_check.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "fmt/format.h"

namespace vecnest::index {
namespace {

// Without a branch for each, as nearly all vectors are.
bool AllFinite(absl::Span<const float> vector) {
  constexpr uint32_t kInfinity = 0x7F800000;
  uint32_t largest = 0;  // absolute values order as their bits do
  for (const float value : vector) {
    largest = std::max(largest, std::bit_cast<uint32_t>(value) & ~(1U << 31U));
  }
  return largest < kInfinity;
}

}  // namespace

absl::Status CheckVector(absl::Span<const float> vector, size_t width) {
  if (vector.size() != width) {
    return absl::InvalidArgumentError(
        fmt::format("the vector has {} dimensions, the index {}", vector.size(), width));
  }
  if (AllFinite(vector)) return absl::OkStatus();
  for (size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i])) {
      return absl::InvalidArgumentError(fmt::format("component {} is {}", i, vector[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace vecnest::index
