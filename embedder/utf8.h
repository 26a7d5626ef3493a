// Checking and walking UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above
// U+10FFFF).
#ifndef VECNEST_EMBEDDER_UTF8_H_
#define VECNEST_EMBEDDER_UTF8_H_

#include <cstddef>
#include <optional>
#include <string_view>

namespace vecnest::embedder {

// Byte offset of the first byte that does not continue valid UTF-8, or nothing.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

// The code point that starts at text[*position]; moves *position behind it. The text must be
// valid and *position at the start of a character.
inline char32_t DecodeUtf8(std::string_view text, size_t* position) {
  const auto byte = [&](size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[*position + i]));
  };
  const char32_t first = byte(0);
  char32_t c = first;
  size_t length = 1;
  if (first >= 0xF0) {
    c = (first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    length = 4;
  } else if (first >= 0xE0) {
    c = (first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    length = 3;
  } else if (first >= 0x80) {
    c = (first & 0x1F) << 6 | (byte(1) & 0x3F);
    length = 2;
  }
  *position += length;
  return c;
}

// Writes `c` at `out`, which has room for four bytes; returns the number written.
inline size_t EncodeUtf8(char32_t c, char* out) {
  if (c < 0x80) {
    out[0] = static_cast<char>(c);
    return 1;
  }
  if (c < 0x800) {
    out[0] = static_cast<char>(0xC0 | (c >> 6));
    out[1] = static_cast<char>(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = static_cast<char>(0xE0 | (c >> 12));
    out[1] = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out[2] = static_cast<char>(0x80 | (c & 0x3F));
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | (c >> 18));
  out[1] = static_cast<char>(0x80 | ((c >> 12) & 0x3F));
  out[2] = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
  out[3] = static_cast<char>(0x80 | (c & 0x3F));
  return 4;
}

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_UTF8_H_
