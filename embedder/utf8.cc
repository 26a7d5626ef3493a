#include "embedder/utf8.h"

#include <cstdint>
#include <cstring>

namespace vecnest::embedder {
namespace {

// Length of the well-formed sequence at `p` (Unicode 15.0, table 3-7), 0 when there is none.
size_t SequenceLength(const unsigned char* p, size_t left) {
  const auto continues = [&](size_t i) { return i < left && (p[i] & 0xC0) == 0x80; };
  const auto in_range = [&](unsigned low, unsigned high) {
    return left > 1 && p[1] >= low && p[1] <= high;
  };
  const unsigned first = p[0];
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return continues(1) ? 2 : 0;
  if (first < 0xF0) {
    const bool second = in_range(first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
    return second && continues(2) ? 3 : 0;
  }
  if (first > 0xF4) return 0;
  const bool second = in_range(first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
  return second && continues(2) && continues(3) ? 4 : 0;
}

}  // namespace

std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t i = 0;
  while (i < text.size()) {
    uint64_t word;
    if (i + sizeof(word) <= text.size()) {
      std::memcpy(&word, bytes + i, sizeof(word));
      if ((word & kHighBits) == 0) {
        i += sizeof(word);
        continue;
      }
    }
    const size_t length = SequenceLength(bytes + i, text.size() - i);
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

}  // namespace vecnest::embedder
