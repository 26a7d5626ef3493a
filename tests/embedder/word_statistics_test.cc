#include "embedder/inspection/word_statistics.h"

#include "embedder/inspection/vectors.h"
#include "tests/embedder/inspection_fixture.h"

namespace vecnest::embedder {
namespace {

TEST(WordStatisticsTest, CountsWordsTheirTokensAndRows) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  WordStatistics statistics(*encoder);
  // Tokens: the cat sun ##ny | run ##ning the dog | zzz is unknown
  ASSERT_TRUE(statistics.Add("The cat, (sunny)\n--").ok());
  ASSERT_TRUE(statistics.Add("running: the dog/zzz the").ok());
  const CorpusUse use = statistics.Finish(2, 1);
  EXPECT_EQ(use.texts, 2u);
  EXPECT_EQ(use.words, 8u);
  EXPECT_EQ(use.distinct_words, 6u);  // "The" is "the": the tokenizer lower-cases
  EXPECT_EQ(use.tokens, 10u);
  EXPECT_EQ(use.unknown_words, 1u);
  EXPECT_EQ(use.words_by_pieces, (std::vector<uint64_t>{0, 6, 2}));
  ASSERT_EQ(use.broken.size(), 2u);
  EXPECT_EQ(use.broken[0].word, "running");  // as often as "sunny", and before it
  EXPECT_EQ(use.broken[1].word, "sunny");
  ASSERT_EQ(use.rare.size(), 2u);
  EXPECT_EQ(use.rare[0].rarest_count, 1u);
  // Of all that are read once the last in the vocabulary: "##ny".
  EXPECT_EQ(use.rare[0].word, "sunny");
  EXPECT_EQ(encoder->vocabulary().TextOf(use.rare[0].rarest), "##ny");
}

TEST(WordStatisticsTest, SeldomWordsMayBeLeftOut) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  WordStatistics statistics(*encoder);
  ASSERT_TRUE(statistics.Add("sunny running running cat").ok());
  const CorpusUse use = statistics.Finish(10, 2);
  ASSERT_EQ(use.broken.size(), 1u);
  EXPECT_EQ(use.broken[0].word, "running");
  EXPECT_EQ(use.broken[0].count, 2u);
  EXPECT_EQ(use.words, 4u);
}

TEST(WordStatisticsTest, BandsHoldEveryTokenThatIsNotSpecial) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  WordStatistics statistics(*encoder);
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(statistics.Add("the cat").ok());
  ASSERT_TRUE(statistics.Add("dog").ok());
  const CorpusUse use = statistics.Finish(1, 1);
  std::vector<size_t> tokens;
  for (const FrequencyBand& band : use.bands) tokens.push_back(band.tokens);
  EXPECT_EQ(tokens, (std::vector<size_t>{21, 1, 0, 2, 0, 0, 0}));
  std::vector<float> row(36);
  encoder->parts().architecture->TokenRow(encoder->vocabulary().Find("dog"), row.data());
  EXPECT_NEAR(use.bands[1].mean_norm, Norm(row.data(), 36), 1e-9);
}

TEST(WordStatisticsTest, ATableKnowsAWordOrNot) {
  const auto encoder = LoadForInspection("tiny-words.txt");
  WordStatistics statistics(*encoder);
  ASSERT_TRUE(statistics.Add("the cat zzz").ok());
  const CorpusUse use = statistics.Finish(5, 1);
  EXPECT_EQ(use.words_by_pieces, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(use.unknown_words, 1u);
  EXPECT_EQ(use.rare.size(), 2u);
}

TEST(WordStatisticsTest, TextMustBeUtf8) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  WordStatistics statistics(*encoder);
  EXPECT_TRUE(absl::IsInvalidArgument(statistics.Add("a \xff")));
}

}  // namespace
}  // namespace vecnest::embedder
