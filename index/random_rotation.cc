#include "index/random_rotation.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace vecnest::index {
namespace {

constexpr int kRounds = 4;
constexpr size_t kBitsPerWord = 64;

// The number `index` of the generator SplitMix64 (Steele, Lea and Flood, 2014).
uint64_t RandomWord(uint64_t index) {
  uint64_t word = (index + 1) * 0x9E3779B97F4A7C15U;
  word = (word ^ (word >> 30U)) * 0xBF58476D1CE4E5B9U;
  word = (word ^ (word >> 27U)) * 0x94D049BB133111EBU;
  return word ^ (word >> 31U);
}

void FlipSigns(absl::Span<float> vector, int round) {
  const size_t words = (vector.size() + kBitsPerWord - 1) / kBitsPerWord;
  for (size_t word = 0; word < words; ++word) {
    const uint64_t bits = RandomWord(static_cast<uint64_t>(round) * words + word);
    const absl::Span<float> part = vector.subspan(word * kBitsPerWord, kBitsPerWord);
    for (size_t i = 0; i < part.size(); ++i) {
      if ((bits >> i & 1U) != 0) part[i] = -part[i];
    }
  }
}

// Of a power of two components; its own inverse.
void Hadamard(absl::Span<float> vector) {
  for (size_t half = 1; half < vector.size(); half *= 2) {
    for (size_t first = 0; first < vector.size(); first += 2 * half) {
      for (size_t i = first; i < first + half; ++i) {
        const float sum = vector[i] + vector[i + half];
        vector[i + half] = vector[i] - vector[i + half];
        vector[i] = sum;
      }
    }
  }
  const auto scale = 1 / std::sqrt(static_cast<float>(vector.size()));
  for (float& value : vector) value *= scale;
}

// The most components that a round transforms: the first ones, or the last.
absl::Span<float> Block(absl::Span<float> vector, int round) {
  const size_t size = std::bit_floor(vector.size());
  return round % 2 == 0 ? vector.first(size) : vector.last(size);
}

// Each of the first half with its partner in the second; its own inverse. Of a power of two the
// transform has done that already, and this would undo it.
void MixHalves(absl::Span<float> vector) {
  if (std::has_single_bit(vector.size())) return;
  const size_t half = vector.size() / 2;
  const absl::Span<float> second = vector.last(half);
  for (size_t i = 0; i < half; ++i) {
    const float sum = vector[i] + second[i];
    second[i] = (vector[i] - second[i]) / std::numbers::sqrt2_v<float>;
    vector[i] = sum / std::numbers::sqrt2_v<float>;
  }
}

}  // namespace

void RotateRandomly(absl::Span<float> vector) {
  for (int round = 0; round < kRounds; ++round) {
    FlipSigns(vector, round);
    Hadamard(Block(vector, round));
    MixHalves(vector);
  }
}

void RotateBack(absl::Span<float> vector) {
  for (int round = kRounds - 1; round >= 0; --round) {
    MixHalves(vector);
    Hadamard(Block(vector, round));
    FlipSigns(vector, round);
  }
}

}  // namespace vecnest::index
