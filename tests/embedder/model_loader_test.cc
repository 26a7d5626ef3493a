#include "embedder/model_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/embedder/model_copy.h"
#include "tests/embedder/reference_vectors.h"

namespace vecnest::embedder {
namespace {

using ::testing::HasSubstr;

TEST(ModelLoaderTest, TablesOfWords) {
  std::set<std::string> identities;
  for (const char* name : {"tiny-words.bin", "tiny-words.txt", "tiny-glove.txt"}) {
    const auto encoder = Encoder::Load(TestData(name), {.precision = Precision::kBf16});
    ASSERT_TRUE(encoder.ok()) << encoder.status();
    const ModelInfo& info = (*encoder)->info();
    EXPECT_EQ(info.name + ".", std::string(name).substr(0, info.name.size() + 1));
    EXPECT_EQ(info.architecture, "static");
    EXPECT_EQ(info.dimensions, 11);
    EXPECT_EQ(info.precision, Precision::kF32);
    EXPECT_GT(info.mapped_bytes, 800u);
    EXPECT_TRUE(identities.insert(info.identity).second);  // it covers the file's bytes
    // gensim averaged the same words.
    EXPECT_EQ(CompareWithVectors(**encoder, TestData("tiny-words.jsonl"), 1e-6), 6);
  }
}

TEST(ModelLoaderTest, TablesOfWordsThatAreDamaged) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/w.bin";
  std::ofstream(path) << "1 1\na 12";
  EXPECT_THAT(std::string(LoadModel(path, Precision::kF32).status().message()),
              HasSubstr("w.bin: 1 words of 1 values need at least 6 bytes, found 4"));
}

TEST(ModelLoaderTest, Directories) {
  const auto model = LoadModel(TestData("tiny-wordllama"), Precision::kF32);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->info.name, "tiny-wordllama");
  EXPECT_TRUE(model->tokenizer->traits().before.empty());
  EXPECT_EQ(model->tokenizer->traits().dropped_id, std::nullopt);
  const auto dropping = LoadModel(TestData("tiny-model2vec"), Precision::kF32);
  ASSERT_TRUE(dropping.ok()) << dropping.status();
  EXPECT_EQ(dropping->tokenizer->traits().dropped_id, 1);
  const auto bert = LoadModel(TestData("tiny-bert-max"), Precision::kF32);
  ASSERT_TRUE(bert.ok()) << bert.status();
  EXPECT_EQ(bert->tokenizer->traits().before.size(), 1u);
}

TEST(ModelLoaderTest, FilesThatContradictEachOther) {
  const ModelCopy model("tiny-model2vec");
  model.Replace("tokenizer.json", "\"un\":27", "\"un\":29");
  EXPECT_THAT(std::string(LoadModel(model.path(), Precision::kF32).status().message()),
              HasSubstr("tiny-model2vec: the tokenizer has ids up to 29, the weights only"));
}

TEST(ModelLoaderTest, MaxSeqLengthIsWhatTheWeightsCanRead) {
  const ModelCopy model("tiny-bert-cls");
  const auto error = [&](int length) {
    model.Write("sentence_bert_config.json",
                "{\"max_seq_length\": " + std::to_string(length) + "}");
    return std::string(LoadModel(model.path(), Precision::kF32).status().message());
  };
  EXPECT_EQ(error(24), "");
  EXPECT_THAT(error(25), HasSubstr("sentence_bert_config.json: max_seq_length is 25, the weights "
                                   "have positions for 24 tokens"));
  for (const int length : {0, -1}) {
    EXPECT_THAT(error(length), HasSubstr("sentence_bert_config.json: field \"max_seq_length\": "
                                         "expected a positive number of tokens"));
  }
  model.Write("sentence_bert_config.json", R"({"max_seq_length": null})");
  EXPECT_TRUE(LoadModel(model.path(), Precision::kF32).ok());
}

}  // namespace
}  // namespace vecnest::embedder
