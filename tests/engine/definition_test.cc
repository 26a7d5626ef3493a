#include "engine/definition.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

CollectionConfig TwoVectors() {
  CollectionConfig config;
  config.vectors["b"] = {8, Metric::kDot, {}};
  config.vectors["a"] = {4, Metric::kEuclid, {8, 64}};
  config.vectors["a"].datatype = VectorDatatype::kFloat16;
  config.vectors["a"].quantization = Quantization::kBinary;
  config.metadata = R"({"owner": "me"})";
  return config;
}

TEST(DefinitionTest, SurvivesTheStore) {
  auto definition = Definition::Create("c", TwoVectors());
  ASSERT_TRUE(definition.ok());
  definition->slots[0].model = "m";
  definition->slots[0].model_identity = "id";
  definition->payload_indexes["k"] = {PayloadIndexType::kText, R"({"tokenizer":"word"})"};
  const auto decoded = Definition::Decode(definition->Encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->Encode(), definition->Encode());
  EXPECT_EQ(decoded->id, definition->id);
  EXPECT_EQ(decoded->payload_indexes, definition->payload_indexes);
  EXPECT_EQ(decoded->slots[0].name, "a");
  EXPECT_EQ(decoded->slots[0].config.hnsw.m, 8);
  EXPECT_EQ(decoded->slots[0].config.datatype, VectorDatatype::kFloat16);
  EXPECT_EQ(decoded->slots[1].config.datatype, VectorDatatype::kFloat32);
  EXPECT_EQ(decoded->slots[0].config.quantization, Quantization::kBinary);
  EXPECT_EQ(decoded->slots[1].config.quantization, Quantization::kAuto);
  EXPECT_EQ(decoded->slots[1].config.metric, Metric::kDot);
}

TEST(DefinitionTest, EveryCollectionHasItsOwnId) {
  EXPECT_NE(Definition::Create("c", TwoVectors())->id, Definition::Create("c", TwoVectors())->id);
}

TEST(DefinitionTest, DamagedRecordsAreDataLoss) {
  for (const char* bytes : {"", "{}", "[]", R"({"name": 1})", "\xff"}) {
    EXPECT_EQ(Definition::Decode(bytes).status().code(), absl::StatusCode::kDataLoss) << bytes;
  }
}

TEST(DefinitionTest, BadNamesAndSizesAreNamed) {
  for (const char* name : {"", "a/b", "a\nb", "..", "a*"}) {
    EXPECT_FALSE(Definition::Create(name, {}).ok()) << name;
  }
  EXPECT_FALSE(ValidateCollectionName(std::string(256, 'x')).ok());
  CollectionConfig config;
  config.vectors["v"] = {0, Metric::kCosine, {}};
  EXPECT_THAT(std::string(Definition::Create("c", config).status().message()),
              testing::AllOf(testing::HasSubstr("'v'"), testing::HasSubstr("size")));
}

TEST(DefinitionTest, UnknownVectorNamesTheKnownOnes) {
  const auto definition = Definition::Create("c", TwoVectors());
  EXPECT_EQ(*definition->RequireSlot("b"), 1);
  EXPECT_THAT(std::string(definition->RequireSlot("").status().message()),
              testing::HasSubstr("'a', 'b'"));
}

}  // namespace
}  // namespace vecnest::engine
