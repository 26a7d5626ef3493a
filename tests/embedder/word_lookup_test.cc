#include "embedder/word_lookup.h"

#include <gtest/gtest.h>

namespace vecnest::embedder {
namespace {

using Ids = std::vector<int32_t>;

WordLookup Lookup(std::initializer_list<std::string_view> words) {
  StringMap<std::string_view, int32_t> ids;
  for (const std::string_view word : words) ids.emplace(word, static_cast<int32_t>(ids.size()));
  return {std::move(ids), nullptr};
}

Ids Tokenize(const WordLookup& lookup, std::string_view text, size_t most = 100) {
  Ids ids;
  lookup.Tokenize(text, most, &ids);
  return ids;
}

TEST(WordLookupTest, LongestRunOfPieces) {
  const WordLookup lookup = Lookup({"do", "x't", "don't", "n", "'", "t", "u.s.", ".", "e-mail"});
  EXPECT_EQ(Tokenize(lookup, "don't"), Ids{2});
  EXPECT_EQ(Tokenize(lookup, "(Don't)."), (Ids{2, 7}));
  EXPECT_EQ(Tokenize(lookup, "U.S.. u.s e-mail-e"), (Ids{6, 7, 7, 8}));
  EXPECT_EQ(Tokenize(lookup, "do'xx't"), (Ids{0, 4, 4, 5}));
  EXPECT_EQ(Tokenize(lookup, " \u00a0xx\u3000"), Ids{});
  EXPECT_EQ(Tokenize(lookup, ""), Ids{});
}

TEST(WordLookupTest, Contractions) {
  EXPECT_EQ(Tokenize(Lookup({"do", "n't", "don", "'t"}), "(don't) won'"), (Ids{0, 1}));
  EXPECT_EQ(Tokenize(Lookup({"do", "don", "'t"}), "don't"), (Ids{1, 2}));
}

TEST(WordLookupTest, RunsAreBounded) {
  const std::string most = "a-a-a-a-a-a-a-a-";  // 16 pieces
  const std::string more = most + "a";          // 17, found only when it stands alone
  const WordLookup lookup = Lookup({most, more, "!"});
  EXPECT_EQ(Tokenize(lookup, more), Ids{1});
  EXPECT_EQ(Tokenize(lookup, "!" + more), (Ids{2, 0}));
}

TEST(WordLookupTest, Ideographs) {
  const WordLookup lookup = Lookup({"中文", "中", "文字"});
  EXPECT_EQ(Tokenize(lookup, "中文字中x文字"), (Ids{0, 1, 2}));
}

TEST(WordLookupTest, CaseCountsWhereTheTableHasUpperCase) {
  const WordLookup lower = Lookup({"ärger", "\xff\xfe"});  // no UTF-8, decides nothing
  EXPECT_EQ(Tokenize(lower, "ÄRGER"), Ids{0});
  const WordLookup cased = Lookup({"ärger", "Ärger"});
  EXPECT_EQ(Tokenize(cased, "Ärger ärger ÄRGER"), (Ids{1, 0}));
}

TEST(WordLookupTest, StopsAtTheLimit) {
  const WordLookup lookup = Lookup({"a", "b"});
  EXPECT_EQ(lookup.traits().vocabulary_size, 2);
  EXPECT_TRUE(lookup.traits().before.empty());
  for (size_t most = 0; most < 6; ++most) {
    Ids ids = {42};
    const bool cut = lookup.Tokenize("a b x,a b x y", most, &ids);
    EXPECT_EQ(cut, most < 4) << most;
    EXPECT_EQ(ids.size(), 1 + std::min<size_t>(most, 4));
  }
}

}  // namespace
}  // namespace vecnest::embedder
