#include "embedder/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "embedder/tokenizer_files.h"
#include "tests/embedder/test_models.h"

namespace vecnest::embedder {
namespace {

using ::testing::HasSubstr;
using Ids = std::vector<int32_t>;

BpeSpec SmallSpec() {
  BpeSpec spec;
  spec.vocabulary = {{"?", 0}, {"a", 1}, {"b", 2}, {"c", 3}, {"bc", 4}, {"ab", 5}, {"abc", 6}};
  spec.added_tokens = {{"<x>", 9}};
  spec.merges = {{"b", "c"}, {"a", "b"}, {"a", "bc"}};
  spec.unknown_token = "?";
  return spec;
}

Ids Tokenize(const BpeSpec& spec, std::string_view text, size_t most = 1000) {
  const auto tokenizer = BpeTokenizer::Create(spec);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  Ids ids;
  tokenizer->Tokenize(text, most, &ids);
  return ids;
}

TEST(BpeTest, LowestRankFirstThenLeftmost) {
  EXPECT_EQ(Tokenize(SmallSpec(), "abc"), Ids{6});
  EXPECT_EQ(Tokenize(SmallSpec(), "ababc"), (Ids{5, 6}));
  EXPECT_EQ(Tokenize(SmallSpec(), "aab<x>c"), (Ids{1, 5, 9, 3}));
  BpeSpec spec = SmallSpec();
  spec.merges = {{"a", "b"}, {"b", "c"}, {"a", "bc"}};
  EXPECT_EQ(Tokenize(spec, "abc"), (Ids{5, 3}));
}

TEST(BpeTest, Unknown) {
  BpeSpec spec = SmallSpec();
  EXPECT_EQ(Tokenize(spec, "azéb"), (Ids{1, 0, 0, 2}));
  spec.fuse_unknown = true;
  EXPECT_EQ(Tokenize(spec, "azéb"), (Ids{1, 0, 2}));
  spec.unknown_token = "";
  EXPECT_EQ(Tokenize(spec, "azéb"), Ids{5});
}

TEST(BpeTest, NormalizesEachStretch) {
  BpeSpec spec = SmallSpec();
  spec.normalizer = {{"", "a"}, {"zz", "b"}};
  EXPECT_EQ(Tokenize(spec, "zzc<x>zzz<x>"), (Ids{6, 9, 5, 0, 9}));
}

TEST(BpeTest, Traits) {
  BpeSpec spec = SmallSpec();
  spec.before = {"<x>"};
  spec.after = {"a", "b"};
  spec.drop_unknown = true;
  const auto tokenizer = BpeTokenizer::Create(spec);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ(tokenizer->traits().before, Ids{9});
  EXPECT_EQ(tokenizer->traits().after, (Ids{1, 2}));
  EXPECT_EQ(tokenizer->traits().dropped_id, 0);
  EXPECT_EQ(tokenizer->traits().vocabulary_size, 10);
}

TEST(BpeTest, RefusesWhatIsIncomplete) {
  const auto error = [](const BpeSpec& spec) {
    return std::string(BpeTokenizer::Create(spec).status().message());
  };
  BpeSpec spec = SmallSpec();
  spec.merges.emplace_back("c", "a");
  EXPECT_THAT(error(spec), HasSubstr("merge 3: \"c\", \"a\" or the two joined"));
  spec = SmallSpec();
  spec.byte_fallback = true;
  EXPECT_THAT(error(spec), HasSubstr("\"<0x00>\" is not in the vocabulary"));
  spec = SmallSpec();
  spec.after = {"</s>"};
  EXPECT_THAT(error(spec), HasSubstr("\"</s>\" is not in the vocabulary"));
  spec = SmallSpec();
  spec.unknown_token = "<unk>";
  EXPECT_THAT(error(spec), HasSubstr("\"<unk>\""));
  spec = SmallSpec();
  spec.vocabulary[1].second = -1;
  EXPECT_THAT(error(spec), HasSubstr("the id -1"));
  EXPECT_THAT(error({}), HasSubstr("the vocabulary is empty"));
}

// Hugging Face's package trained the tokenizer and gave the ids (make_static_models.py). A second
// pass joins words by a merge across a blank, which keeps them from being taken one by one.
TEST(BpeTest, SampleOfTheReference) {
  auto loaded = LoadTokenizerSpec(TestData("tiny-wordllama"), {.special_tokens = false});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  BpeSpec spec = std::get<BpeSpec>(*loaded);
  std::ifstream vectors(TestData("tiny-wordllama/reference.jsonl"));
  std::ifstream file(TestData("tiny-wordllama/ids.json"));
  const auto expected = nlohmann::json::parse(file);
  BpeSpec whole = spec;
  whole.vocabulary.emplace_back("e\u2581", 400);
  whole.merges.emplace_back("e", "\u2581");
  size_t count = 0;
  for (std::string line; std::getline(vectors, line); ++count) {
    const std::string text = nlohmann::json::parse(line)["text"];
    const auto ids = expected[count].get<Ids>();
    EXPECT_EQ(Tokenize(spec, text), ids) << text;
    EXPECT_EQ(Tokenize(whole, text), ids) << text;
    for (size_t most = 0; most <= ids.size() + 1; ++most) {
      EXPECT_EQ(Tokenize(spec, text, most),
                Ids(ids.begin(), ids.begin() + static_cast<long>(std::min(most, ids.size()))));
    }
  }
  EXPECT_EQ(count, 10u);
}

}  // namespace
}  // namespace vecnest::embedder
