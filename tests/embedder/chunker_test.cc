#include "embedder/chunker.h"

#include <chrono>
#include <random>
#include <string>

#include "embedder/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::embedder {
namespace {

using testing::ElementsAre;

// A token per word, and two around every text.
size_t CountWords(std::string_view text) {
  size_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    if (!space && !inside) ++words;
    inside = !space;
  }
  return words + 2;
}

// A token per character but blanks, as far as words are concerned additive as well.
size_t CountCharacters(std::string_view text) {
  size_t characters = 0;
  for (size_t i = 0; i < text.size();) {
    if (DecodeUtf8(text, &i) > U' ') ++characters;
  }
  return characters + 2;
}

// Not additive: of two bytes that make a pair only one counts, and white space counts as well.
size_t CountPairs(std::string_view text) {
  size_t tokens = 3;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i + 1 < text.size() && (static_cast<unsigned char>(text[i]) ^ text[i + 1]) % 3 == 0) ++i;
    ++tokens;
  }
  return tokens;
}

std::vector<std::string> Split(std::string_view text, const ChunkLimits& limits,
                               CountTokens count = CountWords) {
  std::vector<std::string> chunks;
  const auto spans = SplitIntoChunks(text, limits, count);
  EXPECT_TRUE(spans.has_value());
  for (const TextSpan& span : *spans) {
    chunks.emplace_back(text.substr(span.begin, span.end - span.begin));
  }
  return chunks;
}

TEST(ChunkerTest, ATextThatFitsIsOneChunk) {
  EXPECT_THAT(Split("", {10, 0, 9}), ElementsAre(""));
  EXPECT_THAT(Split(" \n ", {10, 0, 9}), ElementsAre(" \n "));
  EXPECT_THAT(Split(" a b ", {4, 1, 9}), ElementsAre(" a b "));
}

TEST(ChunkerTest, WordsStayWhole) {
  EXPECT_THAT(Split(" one two  three four five ", {4, 0, 9}),
              ElementsAre(" one two  ", "three four ", "five "));
}

TEST(ChunkerTest, OverlapRepeatsTheLastWords) {
  EXPECT_THAT(Split("a b c d e f g", {6, 2, 9}), ElementsAre("a b c d ", "c d e f ", "e f g"));
  EXPECT_THAT(Split("a b c d e f", {6, 3, 9}), ElementsAre("a b c d ", "b c d e ", "c d e f"));
  // By tokens, not by words: "long" does not fit into an overlap of three, "it" does.
  EXPECT_THAT(Split("aaa it long bb c", {11, 3, 9}, CountCharacters),
              ElementsAre("aaa it long ", "bb c"));
  EXPECT_THAT(Split("long aaa it bb c", {11, 3, 9}, CountCharacters),
              ElementsAre("long aaa it ", "it bb c"));
}

TEST(ChunkerTest, EndsOfSentencesArePreferredWhenNear) {
  EXPECT_THAT(Split("a b c d e f. g h i", {10, 0, 9}), ElementsAre("a b c d e f. ", "g h i"));
  EXPECT_THAT(Split("a b c d e f.\" g h i", {10, 0, 9}), ElementsAre("a b c d e f.\" ", "g h i"));
  EXPECT_THAT(Split("a b c d e f\n\ng h i", {10, 0, 9}), ElementsAre("a b c d e f\n\n", "g h i"));
  // A line is less than a sentence, more than nothing.
  EXPECT_THAT(Split("a b c d e f\ng h i", {10, 0, 9}), ElementsAre("a b c d e f\n", "g h i"));
  EXPECT_THAT(Split("a b c d e f. g\nh i", {10, 0, 9}), ElementsAre("a b c d e f. ", "g\nh i"));
  // Half a chunk is too much for it.
  EXPECT_THAT(Split("a b c. d e f g h i", {10, 0, 9}), ElementsAre("a b c. d e f g h ", "i"));
  // 3.14 ends nothing, nor does the number of an item.
  EXPECT_THAT(Split("a b c d e f\n1. h i", {10, 0, 9}), ElementsAre("a b c d e f\n", "1. h i"));
  EXPECT_THAT(Split("a b c d e f 3.14 h i", {10, 0, 9}), ElementsAre("a b c d e f 3.14 h ", "i"));
}

TEST(ChunkerTest, LongWordsAreCutBetweenCharacters) {
  const std::string word = "äöüäöüäöüäöüäöüäöü";  // 18 characters
  EXPECT_THAT(Split("x " + word + " y", {10, 0, 9}, CountCharacters),
              ElementsAre("x äöüäöüä", "öüäöüäöü", "äöü y"));
  EXPECT_THAT(Split(word, {10, 2, 9}, CountCharacters),
              ElementsAre("äöüäöüäö", "äöüäöüäö", "äöüäöü"));
}

TEST(ChunkerTest, IdeographsAreWordsAndTheirStopsEndSentences) {
  EXPECT_THAT(Split("猫在窗台上睡觉。利率又上升了", {12, 0, 9}, CountCharacters),
              ElementsAre("猫在窗台上睡觉。", "利率又上升了"));
}

TEST(ChunkerTest, TooManyChunksAreNone) {
  EXPECT_EQ(SplitIntoChunks("a b c d", {3, 0, 3}, CountWords), std::nullopt);
  EXPECT_EQ(SplitIntoChunks("a b c d", {3, 0, 4}, CountWords)->size(), 4U);
}

TEST(ChunkerTest, ACharacterThatDoesNotFitEndsNothing) {
  const auto spans =
      SplitIntoChunks("abc", {3, 0, 9}, [](std::string_view text) { return 2 + 5 * text.size(); });
  EXPECT_THAT(*spans, ElementsAre(TextSpan{0, 1}, TextSpan{1, 2}, TextSpan{2, 3}));
}

std::string RandomText(std::mt19937& random) {
  static const char* const parts[] = {"a",    "word",   "sentence.", "Why?", "\n", "\n\n", "  ",
                                      "ß",    "猫",     "。",        "\t",   "𝄞",  "...",  "x)",
                                      "long", "longer", "longest",   " ",    " ",  " ",    " "};
  std::string text;
  for (size_t left = random() % 300; left > 0; --left) {
    const auto* part = parts[random() % std::size(parts)];
    for (size_t repeat = random() % 20 == 0 ? random() % 40 : 1; repeat > 0; --repeat) text += part;
  }
  return text;
}

void ExpectSound(std::string_view text, const ChunkLimits& limits, CountTokens count) {
  const auto spans = SplitIntoChunks(text, limits, count);
  ASSERT_TRUE(spans.has_value());
  ASSERT_EQ(*SplitIntoChunks(text, limits, count), *spans);
  ASSERT_EQ(spans->front().begin, 0U);
  ASSERT_EQ(spans->back().end, text.size());
  const size_t around = count("");
  for (size_t i = 0; i < spans->size(); ++i) {
    const TextSpan& span = (*spans)[i];
    const std::string_view chunk = text.substr(span.begin, span.end - span.begin);
    ASSERT_LE(count(chunk), limits.max_tokens) << chunk;
    ASSERT_FALSE(FindInvalidUtf8(chunk).has_value());
    if (i == 0) continue;
    const TextSpan& before = (*spans)[i - 1];
    ASSERT_GT(span.end, before.end);
    ASSERT_GT(span.begin, before.begin);
    ASSERT_LE(span.begin, before.end);
    if (limits.overlap == 0) {
      ASSERT_EQ(span.begin, before.end);
    }
    // White space alone is not what an overlap is counted in.
    if (around == 2) {
      ASSERT_LE(count(text.substr(span.begin, before.end - span.begin)), around + limits.overlap);
    }
  }
}

TEST(ChunkerTest, EveryTextIsCoveredWithinTheLimits) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    const std::string text = RandomText(random);
    const size_t most = 11 + random() % 60;
    const ChunkLimits limits = {most, random() % 3 == 0 ? 0 : random() % (most - 10), 100'000};
    for (const CountTokens count :
         {CountTokens(CountWords), CountTokens(CountCharacters), CountTokens(CountPairs)}) {
      ExpectSound(text, limits, count);
      if (HasFatalFailure()) return;
    }
  }
}

// Where nothing makes a chunk shorter each is as full as its next word lets it.
TEST(ChunkerTest, ChunksAreFull) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "word ";
  for (const size_t overlap : {size_t{0}, size_t{5}, size_t{15}}) {
    const auto spans = SplitIntoChunks(text, {22, overlap, 1000}, CountWords);
    EXPECT_EQ(spans->size(), (1000 - overlap + 19 - overlap) / (20 - overlap));
  }
}

// Bytes that are counted for each byte of text. Time would say the same less clearly.
TEST(ChunkerTest, WorkIsLinear) {
  const auto work = [](std::string_view part, size_t size) {
    std::string text;
    while (text.size() < size) text += part;
    size_t counted = 0;
    const auto count = [&](std::string_view piece) {
      // As a tokenizer that stops when there are enough.
      size_t tokens = 2;
      size_t i = 0;
      for (; i < piece.size() && tokens < 200; ++tokens) {
        for (const size_t end = i + 4; i < piece.size() && i < end && piece[i] != ' ';) ++i;
        while (i < piece.size() && piece[i] == ' ') ++i;
      }
      counted += i;
      return tokens;
    };
    EXPECT_TRUE(SplitIntoChunks(text, {100, 10, 1'000'000}, count).has_value());
    return static_cast<double>(counted) / static_cast<double>(text.size());
  };
  for (const char* part :
       {"some words of a sentence. ", "onewordwithoutanend", "          ", "猫", "a"}) {
    const double small = work(part, 100'000);
    const double large = work(part, 10'000'000);
    EXPECT_LT(large, 1.2 * small) << part;
    EXPECT_LT(large, 40) << part;
  }
}

}  // namespace
}  // namespace vecnest::embedder
