#include "embedder/identity.h"

#include <gtest/gtest.h>

#include <set>

#include "embedder/encoder.h"
#include "embedder/tokenizer_files.h"
#include "tests/embedder/model_copy.h"

namespace vecnest::embedder {
namespace {

std::string IdentityOf(const ModelCopy& model) {
  const auto encoder = Encoder::Load(model.path(), {});
  return encoder.ok() ? (*encoder)->info().identity : std::string(encoder.status().message());
}

// Stored collections carry it: it must not change.
TEST(IdentityTest, IsFrozen) {
  EXPECT_EQ(IdentityOf(ModelCopy("tiny-bert-cls")), "f9432257b824b69741a9016b49b52cbc");
  EXPECT_EQ(IdentityOf(ModelCopy("tiny-bert-max")), "b403abd9fd38b42dcd1c79f129426be8");
  EXPECT_EQ(IdentityOf(ModelCopy("tiny-model2vec")), "7062234a66287c82cd476297acb3c5e5");
  EXPECT_EQ(IdentityOf(ModelCopy("tiny-wordllama")), "607ab7417fb016714af85a34d8a99df2");
  EXPECT_EQ(IdentityOf(ModelCopy("tiny-words.bin")), "cee562a5e6416c775917a48343902a99");
}

TEST(IdentityTest, DependsOnWhatDecidesVectors) {
  std::set<std::string> seen;
  const auto expect_new = [&](const ModelCopy& model) {
    EXPECT_TRUE(seen.insert(IdentityOf(model)).second);
  };
  const ModelCopy model("tiny-bert-cls");
  expect_new(model);
  EXPECT_EQ(IdentityOf(ModelCopy("tiny-bert-cls")), IdentityOf(model));  // another directory
  std::string weights = model.Read("model.safetensors");
  weights.back() = static_cast<char>(weights.back() ^ 1);
  model.Write("model.safetensors", weights);
  expect_new(model);
  model.Replace("config_sentence_transformers.json", "query: ", "search: ");
  expect_new(model);
  model.Replace("sentence_bert_config.json", "16", "15");
  expect_new(model);
  model.Replace("1_Pooling/config.json", "\"pooling_mode_cls_token\": true",
                "\"pooling_mode_cls_token\": false");
  model.Replace("1_Pooling/config.json", "\"pooling_mode_max_tokens\": false",
                "\"pooling_mode_max_tokens\": true");
  expect_new(model);
  model.Replace("config.json", "\"num_attention_heads\": 3", "\"num_attention_heads\": 4");
  expect_new(model);
  model.Replace("vocab.txt", "dog", "dig");
  expect_new(model);
  model.Replace("tokenizer_config.json", "true", "false");
  expect_new(model);
}

TEST(IdentityTest, DependsOnThePartsOfBpe) {
  std::set<std::string> seen;
  const ModelCopy model("tiny-wordllama");
  for (const auto& [from, to] :
       {std::pair("", ""), std::pair("\"prepend\": \"\u2581\"", "\"prepend\": \"a\""),
        std::pair("\"fuse_unk\": true", "\"fuse_unk\": false"),
        std::pair("\"content\": \"\u2581\"", "\"content\": \"b\""),
        std::pair("\"content\": \"</s>\"", "\"content\": \"</t>\"")}) {
    model.Replace("tokenizer.json", from, to);
    EXPECT_TRUE(seen.insert(IdentityOf(model)).second) << to;
  }
  EXPECT_EQ(seen.begin()->size(), 32u);
}

TEST(IdentityTest, OfBytesIsTheirHash) {
  EXPECT_EQ(ContentIdentity(""), "99aa06d3014798d86001c324468d497f");  // XXH3-128 of nothing
  EXPECT_NE(ContentIdentity("a"), ContentIdentity("b"));
}

}  // namespace
}  // namespace vecnest::embedder
