#include "embedder/wordpiece.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "embedder/tokenizer_files.h"
#include "tests/embedder/test_models.h"

namespace vecnest::embedder {
namespace {

using Ids = std::vector<int32_t>;

WordPieceSpec SmallSpec() {
  WordPieceSpec spec;
  spec.vocabulary = {{"[UNK]", 0}, {"[CLS]", 1}, {"[SEP]", 2},  {"un", 3},   {"##able", 4},
                     {"##a", 5},   {"a", 6},     {"unable", 7}, {"##ab", 8}, {".", 9}};
  spec.added_tokens = {{"[UNK]", 0}, {"[CLS]", 1}, {"[SEP]", 2}, {"<x>", 10}, {"<x>>", 11}};
  return spec;
}

Ids Tokenize(const WordPieceTokenizer& tokenizer, std::string_view text, size_t most = 1000) {
  Ids ids;
  tokenizer.Tokenize(text, most, &ids);
  return ids;
}

TEST(WordPieceTest, LongestMatchFirst) {
  const auto tokenizer = WordPieceTokenizer::Create(SmallSpec());
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->traits().before, Ids{1});
  EXPECT_EQ(tokenizer->traits().after, Ids{2});
  EXPECT_EQ(tokenizer->traits().dropped_id, std::nullopt);
  EXPECT_EQ(tokenizer->traits().vocabulary_size, 12);
  EXPECT_EQ(Tokenize(*tokenizer, "unable unaable una"), (Ids{7, 3, 5, 4, 3, 5}));
  EXPECT_EQ(Tokenize(*tokenizer, "unabx a"), (Ids{0, 6}));  // no way to cover the word
  EXPECT_EQ(Tokenize(*tokenizer, "able"), Ids{0});          // exists inside words only
  EXPECT_EQ(Tokenize(*tokenizer, std::string(101, 'a')), Ids{0});
  EXPECT_EQ(Tokenize(*tokenizer, ""), Ids{});
}

TEST(WordPieceTest, AddedTokensAreLiteral) {
  const auto tokenizer = WordPieceTokenizer::Create(SmallSpec());
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(Tokenize(*tokenizer, "a[SEP]a"), (Ids{6, 2, 6}));
  EXPECT_EQ(Tokenize(*tokenizer, "<x>><x>a"), (Ids{11, 10, 6}));
  EXPECT_EQ(Tokenize(*tokenizer, "[sep]"), (Ids{0, 0, 0}));
}

TEST(WordPieceTest, StopsAtTheLimit) {
  const auto tokenizer = WordPieceTokenizer::Create(SmallSpec());
  ASSERT_TRUE(tokenizer.ok());
  for (size_t most = 0; most < 9; ++most) {
    Ids ids = {42};
    const bool cut = tokenizer->Tokenize("unaable . [SEP] a <x> .", most, &ids);
    EXPECT_EQ(cut, most < 8);
    EXPECT_EQ(ids.size(), 1 + std::min<size_t>(most, 8));
  }
}

TEST(WordPieceTest, WithoutSpecialTokens) {
  WordPieceSpec spec = SmallSpec();
  spec.first_token = "";
  spec.last_token = "";
  spec.drop_unknown = true;
  const auto tokenizer = WordPieceTokenizer::Create(spec);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_TRUE(tokenizer->traits().before.empty());
  EXPECT_TRUE(tokenizer->traits().after.empty());
  EXPECT_EQ(tokenizer->traits().dropped_id, 0);
}

TEST(WordPieceTest, RefusesIncompleteVocabularies) {
  WordPieceSpec spec = SmallSpec();
  spec.last_token = "</s>";
  EXPECT_EQ(WordPieceTokenizer::Create(spec).status().message(),
            "the special token \"</s>\" is not in the vocabulary");
  spec = SmallSpec();
  spec.vocabulary[3].second = -1;
  EXPECT_FALSE(WordPieceTokenizer::Create(spec).ok());
  spec.vocabulary.clear();
  EXPECT_FALSE(WordPieceTokenizer::Create(spec).ok());
}

// tests/embedder/make_tokenizer_sample.py wrote the file with Hugging Face's package.
TEST(WordPieceTest, SampleOfTheReference) {
  const std::string directory = RealModel("all-MiniLM-L6-v2");
  if (directory.empty()) GTEST_SKIP() << MissingModel("all-MiniLM-L6-v2");
  const auto spec = LoadTokenizerSpec(directory, {});
  ASSERT_TRUE(spec.ok()) << spec.status();
  const auto tokenizer = WordPieceTokenizer::Create(std::get<WordPieceSpec>(*spec));
  ASSERT_TRUE(tokenizer.ok());
  std::ifstream file(TestData("tokenizer_sample.jsonl"));
  int count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const auto row = nlohmann::json::parse(line);
    Ids ids = tokenizer->traits().before;
    tokenizer->Tokenize(row["text"].get<std::string>(), 1000, &ids);
    ids.push_back(tokenizer->traits().after[0]);
    ASSERT_EQ(ids, row["ids"].get<Ids>()) << line;
  }
  EXPECT_EQ(count, 3000);
}

}  // namespace
}  // namespace vecnest::embedder
