#include "embedder/static_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/embedder/model_copy.h"
#include "tests/embedder/reference_vectors.h"

namespace vecnest::embedder {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

std::unique_ptr<Encoder> Load(const std::string& path) {
  auto encoder = Encoder::Load(path, {});
  EXPECT_TRUE(encoder.ok()) << encoder.status();
  return encoder.ok() ? *std::move(encoder) : nullptr;
}

std::string Error(const ModelCopy& model) {
  return std::string(Encoder::Load(model.path(), {}).status().message());
}

// make_static_models.py wrote the references with model2vec and wordllama.
TEST(StaticTableTest, Model2Vec) {
  const auto encoder = Load(TestData("tiny-model2vec"));
  EXPECT_EQ(CompareWithVectors(*encoder, TestData("tiny-model2vec/reference.jsonl"), 1e-6), 10);
}

TEST(StaticTableTest, Model2VecWithMappingAndWeights) {
  const auto encoder = Load(TestData("tiny-model2vec-shared"));
  // model2vec rounds its result to the F16 of the rows.
  EXPECT_EQ(CompareWithVectors(*encoder, TestData("tiny-model2vec-shared/reference.jsonl"), 1e-3),
            10);
}

TEST(StaticTableTest, WordLlama) {
  const auto encoder = Load(TestData("tiny-wordllama"));
  EXPECT_EQ(CompareWithVectors(*encoder, TestData("tiny-wordllama/reference.jsonl"), 1e-6), 10);
}

TEST(StaticTableTest, Info) {
  for (const Precision precision : {Precision::kF32, Precision::kInt8}) {
    const auto encoder = Encoder::Load(TestData("tiny-model2vec"), {.precision = precision});
    ASSERT_TRUE(encoder.ok()) << encoder.status();
    const ModelInfo& info = (*encoder)->info();
    EXPECT_EQ(info.architecture, "static");
    EXPECT_EQ(info.dimensions, 19);
    EXPECT_EQ(info.layers, 0);
    EXPECT_EQ(info.max_tokens, 12);
    EXPECT_EQ(info.pooling, "mean");
    EXPECT_TRUE(info.normalized);
    EXPECT_EQ(info.precision, Precision::kF32);
  }
  const int longest = static_cast<int>(kMostStaticTokens);
  EXPECT_EQ(Load(TestData("tiny-model2vec-shared"))->info().max_tokens, longest);
  EXPECT_EQ(Load(TestData("tiny-wordllama"))->info().max_tokens, longest);
  const ModelCopy model("tiny-model2vec");
  model.Replace("config.json", "\"max_length\": 12,", "");
  EXPECT_EQ(Load(model.path())->info().max_tokens, 512);
  model.Replace("config.json", "\"normalize\": true", "\"normalize\": false");
  EXPECT_FALSE(Load(model.path())->info().normalized);
}

TEST(StaticTableTest, TextsWithoutKnownTokensAreZero) {
  const auto encoder = Load(TestData("tiny-model2vec"));
  const std::vector<std::string_view> texts = {"", "zzz", "a cat", "zzz"};
  const auto encodings = encoder->Encode(texts, {.dimensions = 5});
  ASSERT_TRUE(encodings.ok()) << encodings.status();
  for (const size_t i : {0, 1, 3}) {
    EXPECT_EQ((*encodings)[i].tokens, 0);
    EXPECT_THAT((*encodings)[i].vector, Each(0.0F));
    EXPECT_EQ((*encodings)[i].vector.size(), 5u);
  }
  EXPECT_EQ((*encodings)[2].tokens, 2);
  EXPECT_NE((*encodings)[2].vector[0], 0);
}

TEST(StaticTableTest, TruncatesOrRefuses) {
  const auto encoder = Load(TestData("tiny-model2vec"));
  const std::string_view text = "cat cat cat cat cat cat cat cat cat cat cat zzz dog";
  const auto cut = encoder->Encode({&text, 1}, {});
  ASSERT_TRUE(cut.ok());
  EXPECT_TRUE((*cut)[0].truncated);
  EXPECT_EQ((*cut)[0].tokens, 11);  // the unknown one is counted, then left out
  EXPECT_EQ(encoder->Encode({&text, 1}, {.truncate = false}).status().message(),
            "text 0 has 13 tokens, tiny-model2vec reads at most 12");
}

TEST(StaticTableTest, HiddenStateIsTheRows) {
  const auto encoder = Load(TestData("tiny-wordllama"));
  const auto states = encoder->HiddenStates({{279, 5, 279}, {0, 2, 3}});
  ASSERT_TRUE(states.ok()) << states.status();
  ASSERT_EQ(states->size(), 1u);
  const std::vector<float>& rows = (*states)[0];
  ASSERT_EQ(rows.size(), 39u);
  EXPECT_TRUE(std::equal(rows.begin(), rows.begin() + 13, rows.begin() + 26));
}

TEST(StaticTableTest, NamesWhatIsWrong) {
  ModelCopy model("tiny-model2vec-shared");
  model.Replace("model.safetensors", "\"embeddings\"", "\"embedding_\"");
  EXPECT_THAT(Error(model), HasSubstr("no tensor \"embedding.weight\""));
  model.Replace("model.safetensors", "\"embedding_\"", "\"embeddings\"");
  model.Replace("model.safetensors", "\"F16\",\"shape\":[9,7]", "\"F16\",\"shape\":[7,9]");
  EXPECT_THAT(Error(model), AllOf(HasSubstr("model.safetensors: tensor \"mapping\": token "),
                                  HasSubstr("expected a row below 7, found ")));
  model.Replace("model.safetensors", "\"F16\",\"shape\":[7,9]", "\"F16\",\"shape\":[63] ");
  EXPECT_THAT(Error(model), HasSubstr("tensor \"embeddings\": expected a matrix"));
  model.Replace("model.safetensors", "\"F16\",\"shape\":[63] ", "\"I16\",\"shape\":[9,7]");
  EXPECT_THAT(Error(model), HasSubstr("expected dtype F64, F32, F16 or BF16, found I16"));
  model.Replace("model.safetensors", "\"I16\"", "\"F16\"");
  EXPECT_EQ(Error(model), "");
  model.Replace("model.safetensors", "\"I64\"", "\"F64\"");
  EXPECT_THAT(Error(model), HasSubstr("expected dtype I32 or I64, found F64"));
  model.Replace("model.safetensors", "\"F64\"", "\"I64\"");
  model.Replace("config.json", "\"max_length\": null", "\"max_length\": 0");
  EXPECT_THAT(Error(model), HasSubstr("max_length"));
}

}  // namespace
}  // namespace vecnest::embedder
