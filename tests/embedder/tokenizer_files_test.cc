#include "embedder/tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/embedder/model_copy.h"

namespace vecnest::embedder {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<WordPieceSpec> LoadWordPieceSpec(const std::string& directory,
                                                const TokenizerUse& use = {}) {
  const absl::StatusOr<TokenizerSpec> spec = LoadTokenizerSpec(directory, use);
  if (!spec.ok()) return spec.status();
  return std::get<WordPieceSpec>(*spec);
}

std::string Error(const ModelCopy& model) {
  return std::string(LoadTokenizerSpec(model.path(), {}).status().message());
}

TEST(TokenizerFilesTest, VocabTxt) {
  const ModelCopy model("tiny-bert-cls");
  const auto spec = LoadWordPieceSpec(model.path());
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->vocabulary[5], (std::pair<std::string, int32_t>("a", 5)));
  EXPECT_EQ(spec->added_tokens.size(), 5u);
  model.Write("vocab.txt", "[UNK]\r\n[CLS]\r\n");
  EXPECT_EQ(LoadWordPieceSpec(model.path())->vocabulary[1].first, "[CLS]");
  model.Write("vocab.txt", "ok\n\xff\n");
  EXPECT_THAT(Error(model), HasSubstr("vocab.txt:2: not valid UTF-8"));
}

TEST(TokenizerFilesTest, TokenizerConfigOverrides) {
  const ModelCopy model("tiny-bert-cls");
  model.Write("tokenizer_config.json", R"({"do_lower_case": false})");
  auto spec = LoadWordPieceSpec(model.path());
  ASSERT_TRUE(spec.ok());
  EXPECT_FALSE(spec->normalizer.lowercase);
  EXPECT_FALSE(spec->normalizer.strip_accents);
  model.Write(
      "tokenizer_config.json",
      R"({"do_lower_case": true, "strip_accents": false, "tokenize_chinese_chars": false})");
  spec = LoadWordPieceSpec(model.path());
  ASSERT_TRUE(spec.ok());
  EXPECT_TRUE(spec->normalizer.lowercase);
  EXPECT_FALSE(spec->normalizer.strip_accents);
  EXPECT_FALSE(spec->normalizer.handle_chinese_chars);
  model.Write("tokenizer_config.json", R"({"do_lower_case": "yes"})");
  EXPECT_THAT(Error(model), AllOf(HasSubstr("tokenizer_config.json"), HasSubstr("do_lower_case")));
}

TEST(TokenizerFilesTest, TokenizerJson) {
  const ModelCopy model("tiny-bert-max");
  const auto spec = LoadWordPieceSpec(model.path());
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->added_tokens.size(), 5u);
  EXPECT_EQ(spec->first_token, "[CLS]");
  EXPECT_TRUE(spec->normalizer.strip_accents);
}

TEST(TokenizerFilesTest, BertProcessing) {
  const ModelCopy model("tiny-bert-max");
  std::string text = model.Read("tokenizer.json");
  const size_t begin = text.find("\"post_processor\"");
  const size_t end = text.find("\"decoder\"");
  text.replace(begin, end - begin,
               R"("post_processor": {"type": "BertProcessing", "sep": ["[MASK]", 4],)"
               R"( "cls": ["[SEP]", 3]}, )");
  model.Write("tokenizer.json", text);
  const auto spec = LoadWordPieceSpec(model.path());
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->first_token, "[SEP]");
  EXPECT_EQ(spec->last_token, "[MASK]");
}

TEST(TokenizerFilesTest, RefusesWhatItWouldDoDifferently) {
  const std::pair<const char*, const char*> changes[] = {
      {"\"WordPiece\"", "\"Unigram\""},
      {"\"BertNormalizer\"", "\"NFKC\""},
      {"\"BertPreTokenizer\"", "\"Whitespace\""},
      {"\"TemplateProcessing\"", "\"RobertaProcessing\""},
      {"\"lstrip\": false", "\"lstrip\": true"},
      {"\"normalized\": false", "\"normalized\": true"},
      {"\"[UNK]\": 1", "\"[UNK]\": -1"},
      {"\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 0"}};
  for (const auto& [from, to] : changes) {
    const ModelCopy model("tiny-bert-max");
    model.Replace("tokenizer.json", from, to);
    EXPECT_THAT(Error(model), HasSubstr("tokenizer.json: ")) << to;
  }
}

TEST(TokenizerFilesTest, WithoutSpecialTokens) {
  const ModelCopy model("tiny-bert-max");
  model.Replace("tokenizer.json", "\"TemplateProcessing\"", "\"RobertaProcessing\"");
  model.Write("tokenizer_config.json", R"({"do_lower_case": false})");
  const auto spec =
      LoadWordPieceSpec(model.path(), {.special_tokens = false, .unknown_tokens = false});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->first_token + spec->last_token, "");
  EXPECT_TRUE(spec->drop_unknown);
  EXPECT_TRUE(spec->normalizer.lowercase);
}

TEST(TokenizerFilesTest, Bpe) {
  const ModelCopy model("tiny-wordllama");
  const auto loaded = LoadTokenizerSpec(model.path(), {});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto& spec = std::get<BpeSpec>(*loaded);
  EXPECT_THAT(spec.before, testing::ElementsAre("<s>"));
  EXPECT_TRUE(spec.after.empty());
  ASSERT_EQ(spec.normalizer.size(), 2u);
  EXPECT_EQ(spec.normalizer[1].from, " ");
  EXPECT_TRUE(spec.byte_fallback && spec.fuse_unknown);
  EXPECT_EQ(spec.merges[2], (std::pair<std::string, std::string>("\u2581", "the")));
  const auto tokenizer = CreateTokenizer(*loaded);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->traits().before.size(), 1u);
}

TEST(TokenizerFilesTest, BpeOlderMerges) {
  const auto root = Json::Parse(
      R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})", "t");
  ASSERT_TRUE(root.ok());
  const auto spec = ParseTokenizerJson(*root, {});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(std::get<BpeSpec>(*spec).merges[0], (std::pair<std::string, std::string>("a", "b")));
}

TEST(TokenizerFilesTest, RefusesOtherBpe) {
  const std::pair<const char*, const char*> changes[] = {
      {"\"Prepend\"", "\"NFKC\""},
      {"\"pre_tokenizer\": null", "\"pre_tokenizer\": {\"type\": \"ByteLevel\"}"},
      {"\"TemplateProcessing\"", "\"ByteLevel\""},
      {"\"dropout\": null", "\"dropout\": 0.1"},
      {"\"end_of_word_suffix\": null", "\"end_of_word_suffix\": \"</w>\""},
      {"\"ignore_merges\": false", "\"ignore_merges\": true"},
      {"\"String\": \" \"", "\"Regex\": \" \""},
      {"\"String\": \" \"", "\"String\": \"\""}};
  for (const auto& [from, to] : changes) {
    const ModelCopy model("tiny-wordllama");
    model.Replace("tokenizer.json", from, to);
    EXPECT_THAT(Error(model), HasSubstr("tokenizer.json: ")) << to;
  }
}

TEST(TokenizerFilesTest, DamagedAndMissing) {
  const ModelCopy model("tiny-bert-max");
  model.Write("tokenizer.json", model.Read("tokenizer.json").substr(0, 500));
  EXPECT_THAT(Error(model), HasSubstr("tokenizer.json: not valid JSON"));
  model.Remove("tokenizer.json");
  EXPECT_EQ(LoadWordPieceSpec(model.path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Error(model), HasSubstr("neither tokenizer.json nor vocab.txt"));
}

}  // namespace
}  // namespace vecnest::embedder
