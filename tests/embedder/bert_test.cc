#include "embedder/bert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/embedder/model_copy.h"

namespace vecnest::embedder {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Error(const ModelCopy& model) {
  const auto weights = SafeTensors::Open(model.path() + "/model.safetensors");
  const auto config = Json::Load(model.path() + "/config.json");
  if (!weights.ok()) return std::string(weights.status().message());
  if (!config.ok()) return std::string(config.status().message());
  return std::string(CreateBert(*config, *weights, Precision::kF32).status().message());
}

TEST(BertTest, RefusesOtherKinds) {
  const std::pair<std::pair<const char*, const char*>, const char*> changes[] = {
      {{"\"gelu\"", "\"relu\""}, "expected \"gelu\", found \"relu\""},
      {{"\"bert\"", "\"bert\", \"position_embedding_type\": \"relative_key\""}, "relative_key"},
      {{"\"num_attention_heads\": 3", "\"num_attention_heads\": 5"}, "no multiple"},
      {{"\"num_attention_heads\": 3", "\"num_attention_heads\": 0"}, "expected 1 to"},
      {{"\"hidden_size\": 36", "\"hidden_size\": 4611686018427387904"}, "expected 1 to"},
      {{"\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": -1"}, "of at least 0, found -1"},
      {{"\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": 1e300"}, "\"layer_norm_eps\": expected"},
      {{"\"hidden_size\": 36,", ""}, "no field \"hidden_size\""}};
  for (const auto& [change, message] : changes) {
    const ModelCopy model("tiny-bert-cls");
    model.Replace("config.json", change.first, change.second);
    EXPECT_THAT(Error(model), AllOf(HasSubstr("config.json"), HasSubstr(message)));
  }
}

TEST(BertTest, NamesMissingAndMisshapenTensors) {
  ModelCopy model("tiny-bert-max");
  model.Replace("config.json", "\"intermediate_size\": 70", "\"intermediate_size\": 71");
  EXPECT_THAT(Error(model), HasSubstr("tensor \"bert.encoder.layer.0.intermediate.dense.weight\": "
                                      "expected shape [71, 36], found [70, 36]"));
  model.Replace("config.json", "\"intermediate_size\": 71", "\"intermediate_size\": 70");
  EXPECT_EQ(Error(model), "");
  model.Replace("model.safetensors", "layer.1.output.dense.bias", "layer.1.output.dense.bier");
  EXPECT_THAT(Error(model), HasSubstr("no tensor \"bert.encoder.layer.1.output.dense.bias\""));
}

TEST(BertTest, NamesTensorsOfLayersThatTheConfigurationLeavesOut) {
  for (const char* name : {"tiny-bert-cls", "tiny-bert-max"}) {
    const ModelCopy model(name);
    model.Replace("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    EXPECT_THAT(Error(model),
                AllOf(HasSubstr("model.safetensors: tensor \""),
                      HasSubstr("encoder.layer.1.attention.output.LayerNorm.bias\": the "
                                "configuration's num_hidden_layers is 1")));
  }
}

}  // namespace
}  // namespace vecnest::embedder
