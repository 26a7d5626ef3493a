#include "embedder/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace vecnest::embedder {
namespace {

TEST(Utf8Test, EveryScalarValueRoundTrips) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    char bytes[4];
    const std::string_view text(bytes, EncodeUtf8(c, bytes));
    size_t position = 0;
    ASSERT_EQ(FindInvalidUtf8(text), std::nullopt);
    ASSERT_EQ(DecodeUtf8(text, &position), c);
    ASSERT_EQ(position, text.size());
  }
}

TEST(Utf8Test, NamesTheFirstBadByte) {
  const std::string bad[] = {"\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80",
                             "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF8\x88",
                             "\xC3",         "\xE2\x82",         "\xF0\x9F\x98",     "\xE2\x28\xA1",
                             "\xFF"};
  for (const std::string& sequence : bad) {
    EXPECT_EQ(FindInvalidUtf8(sequence), 0u);
    EXPECT_EQ(FindInvalidUtf8("0123456789é" + sequence + "abc"), 12u);
  }
  EXPECT_EQ(FindInvalidUtf8(""), std::nullopt);
}

}  // namespace
}  // namespace vecnest::embedder
