#include "embedder/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/embedder/test_models.h"

namespace vecnest::embedder {
namespace {

TEST(RegistryTest, ListsWhatItKnows) {
  const auto weights = SafeTensors::Open(TestData("tiny-bert-cls/model.safetensors"));
  ASSERT_TRUE(weights.ok());
  const auto other =
      CreateArchitecture("gpt9", Json::Parse("{}", "c").value(), *weights, Precision::kF32);
  EXPECT_EQ(other.status().message(),
            "c: model_type \"gpt9\" is not supported (known: \"bert\", \"model2vec\", "
            "\"StaticEmbedding\")");
}

TEST(RegistryTest, CreatesByName) {
  const auto weights = SafeTensors::Open(TestData("tiny-bert-cls/model.safetensors"));
  const auto config = Json::Load(TestData("tiny-bert-cls/config.json"));
  ASSERT_TRUE(weights.ok() && config.ok());
  const auto bert = CreateArchitecture("bert", *config, *weights, Precision::kF32);
  ASSERT_TRUE(bert.ok()) << bert.status();
  EXPECT_EQ((*bert)->shape().width, 36u);
  EXPECT_EQ((*bert)->shape().layers, 2u);
  EXPECT_EQ((*bert)->shape().max_tokens, 24u);
}

}  // namespace
}  // namespace vecnest::embedder
