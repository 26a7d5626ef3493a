#include "embedder/unicode_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace vecnest::embedder {
namespace {

std::u32string Text(const CodePoints& points) {
  return {points.values.begin(), points.values.begin() + static_cast<long>(points.size)};
}

TEST(UnicodeRulesTest, Cleaning) {
  for (const char32_t c : {0x00, 0x01, 0x7F, 0x80, 0xAD, 0x200D, 0xFEFF, 0xFFFD, 0xE000, 0xE0001}) {
    EXPECT_TRUE(IsRemovedByCleaning(c)) << std::hex << static_cast<uint32_t>(c);
  }
  // Format characters that are younger than the reference's tables stay.
  for (const char32_t c : {0x09, 0x0A, 0x0D, 0x20, 0x61, 0x8E2, 0x13430, 0x378}) {
    EXPECT_FALSE(IsRemovedByCleaning(c)) << std::hex << static_cast<uint32_t>(c);
  }
}

TEST(UnicodeRulesTest, Whitespace) {
  for (const char32_t c : {0x09, 0x20, 0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x3000}) {
    EXPECT_TRUE(IsWhitespace(c));
  }
  EXPECT_FALSE(IsWhitespace(0x200B));
  EXPECT_FALSE(IsWhitespace(0x180E));
}

TEST(UnicodeRulesTest, Ideographs) {
  EXPECT_TRUE(IsCjkIdeograph(U'中'));
  EXPECT_TRUE(IsCjkIdeograph(0x2F800));
  EXPECT_FALSE(IsCjkIdeograph(U'が'));
  EXPECT_FALSE(IsCjkIdeograph(U'한'));
  EXPECT_FALSE(IsCjkIdeograph(0x2B820));  // a gap in the reference's list
}

TEST(UnicodeRulesTest, MarksAndPunctuationOfUnicode8) {
  EXPECT_TRUE(IsNonspacingMark(0x0301));
  EXPECT_TRUE(IsNonspacingMark(0x1734));    // became Mc
  EXPECT_FALSE(IsNonspacingMark(0x1885));   // was Lo
  EXPECT_FALSE(IsNonspacingMark(0x1E000));  // new in 9.0
  EXPECT_TRUE(IsPunctuation(U'$'));         // ASCII symbols count
  EXPECT_FALSE(IsPunctuation(U'€'));
  EXPECT_TRUE(IsPunctuation(U'—'));
  EXPECT_TRUE(IsPunctuation(0x166D));   // became So
  EXPECT_FALSE(IsPunctuation(0x2E5B));  // new in 14.0
}

TEST(UnicodeRulesTest, NormalizationOfUnicode9) {
  EXPECT_EQ(Text(Decompose(U'a')), U"a");
  EXPECT_EQ(Text(Decompose(U'é')), U"e\u0301");
  EXPECT_EQ(Text(Decompose(U'각')), U"\u1100\u1161\u11A8");
  EXPECT_EQ(Text(Decompose(0x1F82)), U"\u03B1\u0313\u0300\u0345");
  EXPECT_EQ(Text(Decompose(0x1D160)), U"\U0001D158\U0001D165\U0001D16E");
  EXPECT_EQ(Text(Decompose(0x11938)), U"\U00011938");  // new in 13.0
  EXPECT_EQ(CombiningClass(0x0301), 230);
  EXPECT_EQ(CombiningClass(0x302E), 224);
  EXPECT_EQ(CombiningClass(0x16FF0), 0);  // new in 13.0
}

TEST(UnicodeRulesTest, LowerCaseOfUnicode17) {
  EXPECT_EQ(Text(LowerCase(U'A')), U"a");
  EXPECT_EQ(Text(LowerCase(U'Σ')), U"σ");
  EXPECT_EQ(Text(LowerCase(0x0130)), U"i\u0307");
  EXPECT_EQ(Text(LowerCase(0x1E9E)), U"ß");
  EXPECT_EQ(Text(LowerCase(0xA7DC)), U"\u019B");
  EXPECT_EQ(Text(LowerCase(0x10D65)), U"\U00010D85");
  EXPECT_EQ(Text(LowerCase(0x16EB8)), U"\U00016ED3");
}

}  // namespace
}  // namespace vecnest::embedder
