#include "embedder/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/embedder/model_copy.h"

namespace vecnest::embedder {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Error(const ModelCopy& model) {
  return std::string(LoadModelConfig(model.path()).status().message());
}

TEST(ModelConfigTest, ReadsTheWholeDirectory) {
  const ModelCopy model("tiny-bert-cls");
  const auto config = LoadModelConfig(model.path() + "//");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->directory, model.path());
  EXPECT_EQ(config->name, model.path().substr(model.path().rfind('/') + 1));
  EXPECT_EQ(config->architecture, "bert");
  EXPECT_EQ(config->pooling, Pooling::kCls);
  EXPECT_EQ(config->pooled_width, 36);
  EXPECT_TRUE(config->normalize);
  EXPECT_EQ(config->max_tokens, 16);
  EXPECT_EQ(config->query_prefix, "query: ");
  EXPECT_EQ(config->document_prefix, "passage: ");
}

TEST(ModelConfigTest, DefaultsOfAPlainDirectory) {
  const ModelCopy model("tiny-bert-cls");
  for (const char* file :
       {"modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"}) {
    model.Remove(file);
  }
  model.Write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  const auto config = LoadModelConfig(model.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pooling, Pooling::kMean);
  EXPECT_FALSE(config->normalize);
  EXPECT_EQ(config->max_tokens, std::nullopt);
  EXPECT_EQ(config->query_prefix, "");
  model.Write("tokenizer_config.json", R"({"model_max_length": 12})");
  EXPECT_EQ(LoadModelConfig(model.path())->max_tokens, 12);
}

// The layouts in which these families are published; none names its prompts.
TEST(ModelConfigTest, FamiliesOfBert) {
  const ModelCopy model("tiny-bert-cls");
  const char* const old_pooling = R"({"word_embedding_dimension": 36, "pooling_mode_cls_token": %c,
      "pooling_mode_mean_tokens": %m, "pooling_mode_max_tokens": false,
      "pooling_mode_mean_sqrt_len_tokens": false})";
  const auto pooling_file = [&](bool cls) {
    std::string text = old_pooling;
    text.replace(text.find("%c"), 2, cls ? "true" : "false");
    text.replace(text.find("%m"), 2, cls ? "false" : "true");
    return text;
  };
  // bge: CLS, a config_sentence_transformers.json of versions alone
  model.Write("1_Pooling/config.json", pooling_file(true));
  model.Write("config_sentence_transformers.json", R"({"__version__": {"pytorch": "1.13.0"}})");
  model.Write("sentence_bert_config.json", R"({"max_seq_length": 512, "do_lower_case": true})");
  auto config = LoadModelConfig(model.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pooling, Pooling::kCls);
  EXPECT_TRUE(config->normalize && config->lowercase_input);
  EXPECT_EQ(config->max_tokens, 512);
  EXPECT_EQ(config->query_prefix + config->document_prefix, "");
  // e5 and gte: mean, no config_sentence_transformers.json
  model.Write("1_Pooling/config.json", pooling_file(false));
  model.Remove("config_sentence_transformers.json");
  config = LoadModelConfig(model.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pooling, Pooling::kMean);
  EXPECT_TRUE(config->normalize);
  EXPECT_EQ(config->query_prefix + config->document_prefix, "");
}

TEST(ModelConfigTest, StaticEmbedding) {
  const ModelCopy model("tiny-wordllama");
  auto config = LoadModelConfig(model.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->architecture, "StaticEmbedding");
  EXPECT_FALSE(config->normalize);
  model.Write("config.json", R"({"normalize": true})");
  config = LoadModelConfig(model.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->architecture, "StaticEmbedding");
  EXPECT_TRUE(config->normalize);
  model.Write("config.json", R"({"model_type": "model2vec"})");
  EXPECT_EQ(LoadModelConfig(model.path())->architecture, "model2vec");
}

TEST(ModelConfigTest, DefaultPrompt) {
  const ModelCopy model("tiny-bert-cls");
  model.Write("config_sentence_transformers.json",
              R"({"prompts": {"query": "q: ", "sts": "s: "}, "default_prompt_name": "sts"})");
  const auto config = LoadModelConfig(model.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->query_prefix, "q: ");
  EXPECT_EQ(config->document_prefix, "s: ");
  model.Write("config_sentence_transformers.json",
              R"({"prompts": {}, "default_prompt_name": "sts"})");
  EXPECT_THAT(Error(model), HasSubstr("no field \"sts\""));
}

TEST(ModelConfigTest, PoolingModes) {
  const ModelCopy model("tiny-bert-cls");
  model.Write("1_Pooling/config.json", R"({"pooling_mode": "max"})");
  EXPECT_EQ(LoadModelConfig(model.path())->pooling, Pooling::kMax);
  const std::pair<const char*, const char*> bad[] = {
      {R"({"pooling_mode_lasttoken": true})", "found \"lasttoken\""},
      {R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})", "more than one"},
      {R"({"pooling_mode_cls_token": 1})", "expected true or false"},
      {R"({"pooling_mode_cls_token": true, "include_prompt": false})", "include_prompt"},
      {"{}", "found \"\""}};
  for (const auto& [text, message] : bad) {
    model.Write("1_Pooling/config.json", text);
    EXPECT_THAT(Error(model), AllOf(HasSubstr("1_Pooling/config.json"), HasSubstr(message)));
  }
}

TEST(ModelConfigTest, RefusesOtherModules) {
  const ModelCopy model("tiny-bert-cls");
  model.Replace("modules.json", "models.Normalize", "models.Dense");
  EXPECT_THAT(Error(model),
              AllOf(HasSubstr("modules.json"), HasSubstr("Dense\" is not supported")));
  model.Replace("modules.json", "\"1_Pooling\"", "\"../1_Pooling\"");
  EXPECT_THAT(Error(model), HasSubstr("leads out of the model"));
  model.Write("modules.json", "{}");
  EXPECT_THAT(Error(model), HasSubstr("expected an array"));
}

TEST(ModelConfigTest, MissingConfig) {
  const ModelCopy model("tiny-bert-cls");
  model.Remove("config.json");
  EXPECT_EQ(LoadModelConfig(model.path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Error(model), HasSubstr("/config.json: cannot be opened"));
  model.Write("config.json", "{}");
  EXPECT_THAT(Error(model), HasSubstr("no field \"model_type\""));
}

}  // namespace
}  // namespace vecnest::embedder
