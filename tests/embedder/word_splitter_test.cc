#include "embedder/word_splitter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vecnest::embedder {
namespace {

using Words = std::vector<std::string>;

Words Split(std::string_view text, const NormalizerSettings& settings = {}) {
  Words words;
  WordSplitter(settings).Split(text, [&](const WordSplitter::Word& word) {
    words.push_back(word.too_long ? "(long)" : std::string(word.text));
    return true;
  });
  return words;
}

TEST(WordSplitterTest, Defaults) {
  EXPECT_EQ(Split(""), Words());
  EXPECT_EQ(Split("  Hello,\tWORLD!\n"), (Words{"hello", ",", "world", "!"}));
  EXPECT_EQ(Split("a\x01"
                  "b\x7F"),
            Words{"ab"});
  EXPECT_EQ(Split("Ünïcödé É\u0301"), (Words{"unicode", "e"}));
  EXPECT_EQ(Split("北京abc"), (Words{"北", "京", "abc"}));
  EXPECT_EQ(Split("\u037E\u1FEF"), (Words{";", "`"}));  // punctuation after decomposition
  EXPECT_EQ(Split("İstanbul"), Words{"istanbul"});
}

TEST(WordSplitterTest, OrdersCombiningCharacters) {
  // U+302E (class 224) stays, U+0334 (class 1) is stripped, U+1D165 (216) must come first.
  EXPECT_EQ(Split("a\u302E\u0334\U0001D165"), Words{"a\U0001D165\u302E"});
  EXPECT_EQ(Split("a\u302E b"), (Words{"a\u302E", "b"}));
}

TEST(WordSplitterTest, Settings) {
  EXPECT_EQ(Split("É中b", {.handle_chinese_chars = false}), Words{"e中b"});
  EXPECT_EQ(Split("É", {.strip_accents = false}), Words{"é"});
  EXPECT_EQ(Split("Éa", {.strip_accents = false, .lowercase = false}), Words{"Éa"});
  EXPECT_EQ(Split("É", {.lowercase = false}), Words{"E"});
  EXPECT_EQ(Split("İ", {.strip_accents = false}), Words{"i\u0307"});
  EXPECT_EQ(Split("a\x01"
                  "b",
                  {.clean_text = false}),
            Words{"a\x01"
                  "b"});
}

TEST(WordSplitterTest, LongWords) {
  EXPECT_EQ(Split(std::string(100, 'x')), Words{std::string(100, 'x')});
  EXPECT_EQ(Split(std::string(101, 'x') + " y"), (Words{"(long)", "y"}));
  EXPECT_EQ(Split("éé éé1", {.max_word_chars = 2}), (Words{"ee", "(long)"}));
}

TEST(WordSplitterTest, StopsWhenTold) {
  int seen = 0;
  const bool finished =
      WordSplitter({}).Split("a b c", [&](const WordSplitter::Word&) { return ++seen < 2; });
  EXPECT_FALSE(finished);
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace vecnest::embedder
