#include "net/codec_collection.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::HasSubstr;

CollectionConfig Read(const std::string& text) {
  absl::Status status;
  CollectionConfig config = ReadCollectionConfig(Json::parse(text), status);
  EXPECT_TRUE(status.ok()) << status;
  return config;
}

std::string Error(const std::string& text) {
  absl::Status status;
  ReadCollectionConfig(Json::parse(text), status);
  EXPECT_FALSE(status.ok()) << text;
  return std::string(status.message());
}

TEST(ReadCollectionConfigTest, OneUnnamedVector) {
  const auto config = Read(R"({"vectors": {"size": 8, "distance": "Dot"}})");
  ASSERT_EQ(config.vectors.size(), 1u);
  EXPECT_EQ(config.vectors.at("").size, 8);
  EXPECT_EQ(config.vectors.at("").metric, Metric::kDot);
  EXPECT_EQ(config.metadata, "{}");
}

TEST(ReadCollectionConfigTest, NamedVectorsInheritTheGraph) {
  const auto config = Read(R"({
    "hnsw_config": {"m": 8, "ef_construct": 50},
    "vectors": {"a": {"size": 2, "distance": "Euclid"},
                "b": {"size": 3, "distance": "Manhattan", "hnsw_config": {"m": 24}}},
    "metadata": {"owner": "x"}})");
  EXPECT_EQ(config.vectors.at("a").hnsw.m, 8);
  EXPECT_EQ(config.vectors.at("b").hnsw.m, 24);
  EXPECT_EQ(config.vectors.at("b").hnsw.ef_construct, 50);
  EXPECT_EQ(config.vectors.at("b").metric, Metric::kManhattan);
  EXPECT_EQ(config.metadata, R"({"owner":"x"})");
}

TEST(ReadCollectionConfigTest, HintsAreAccepted) {
  Read(R"({"vectors": {"size": 8, "distance": "Dot", "on_disk": true}, "shard_number": 2,
           "quantization_config": {"scalar": {}}, "optimizers_config": {}})");
}

TEST(ReadCollectionConfigTest, QuantizationsOfQdrantsDialect) {
  const auto read = [](const std::string& quantization) {
    const CollectionConfig config =
        Read(R"({"vectors": {"a": {"size": 8, "distance": "Dot"},
                             "b": {"size": 8, "distance": "Dot", "quantization_config": )" +
             quantization + R"(}}, "quantization_config": {"scalar": {"type": "int8"}}})");
    EXPECT_EQ(config.vectors.at("a").quantization, Quantization::kInt8);
    return config.vectors.at("b").quantization;
  };
  EXPECT_EQ(read(R"({"scalar": {"type": "int8", "quantile": 0.99, "always_ram": true}})"),
            Quantization::kInt8);
  EXPECT_EQ(read(R"({"scalar": {"type": "int4"}})"), Quantization::kInt4);
  EXPECT_EQ(read(R"({"product": {"compression": "x4"}})"), Quantization::kInt8);
  EXPECT_EQ(read(R"({"product": {"compression": "x16"}})"), Quantization::kInt4);
  EXPECT_EQ(read(R"({"product": {"compression": "x32", "always_ram": false}})"),
            Quantization::kBinary);
  EXPECT_EQ(read(R"({"binary": {"always_ram": true}})"), Quantization::kBinary);
  EXPECT_EQ(read(R"({"binary": {"encoding": "two_bits"}})"), Quantization::kInt4);
  EXPECT_EQ(read(R"("Disabled")"), Quantization::kAuto);
  EXPECT_EQ(read("null"), Quantization::kInt8);
}

TEST(ReadCollectionConfigTest, UnknownQuantizationsAreNamed) {
  const auto error = [](const std::string& quantization) {
    return Error(R"({"vectors": {"size": 8, "distance": "Dot"}, "quantization_config": )" +
                 quantization + "}");
  };
  EXPECT_THAT(error(R"({"scalar": {"type": "int2"}})"),
              HasSubstr("quantization_config.scalar.type: unknown type 'int2'"));
  EXPECT_THAT(error(R"({"product": {"compression": "x3"}})"),
              HasSubstr("quantization_config.product.compression: unknown compression 'x3'"));
  EXPECT_THAT(error(R"({"product": {}})"), HasSubstr("compression: missing"));
  EXPECT_THAT(error(R"({"binary": {"encoding": "trits"}})"),
              HasSubstr("quantization_config.binary.encoding: unknown encoding 'trits'"));
  EXPECT_THAT(error("{}"), HasSubstr("expected exactly one of scalar, product and binary"));
  EXPECT_THAT(error(R"({"binary": {}, "scalar": {}})"), HasSubstr("expected exactly one of"));
  EXPECT_THAT(error("3"), HasSubstr("quantization_config: expected an object"));
}

TEST(ReadCollectionConfigTest, ErrorsNameTheField) {
  EXPECT_EQ(Error("{}"), "vectors: missing");
  EXPECT_THAT(Error(R"({"vectors": 1})"), HasSubstr("vectors: expected an object"));
  EXPECT_THAT(Error(R"({"vectors": {"size": 0, "distance": "Dot"}})"), HasSubstr("vectors.size"));
  EXPECT_THAT(Error(R"({"vectors": {"size": 4}})"), HasSubstr("vectors.distance: missing"));
  EXPECT_THAT(Error(R"({"vectors": {"size": 4, "distance": "L2"}})"),
              HasSubstr("vectors.distance"));
  EXPECT_THAT(Error(R"({"vectors": {"a": {"distance": "Dot"}}})"), HasSubstr("vectors.a.size"));
  EXPECT_THAT(Error(R"({"vectors": {"size": 4, "distance": "Dot"}, "sparse_vectors": {"s": {}}})"),
              HasSubstr("sparse_vectors: not supported"));
}

TEST(ReadCollectionUpdateTest, UnknownNamesAreNamed) {
  for (const char* body :
       {R"({"hnsw_config": {"foo": 1}})", R"({"vectors": {"a": {"hnsw_config": {"foo": 1}}}})"}) {
    absl::Status status;
    ReadCollectionUpdate(Json::parse(body), status);
    EXPECT_THAT(std::string(status.message()), HasSubstr("hnsw_config.foo: unknown field"));
  }
}

TEST(ReadCollectionUpdateTest, Quantizations) {
  absl::Status status;
  const auto update = ReadCollectionUpdate(
      Json::parse(R"({"vectors": {"b": {"quantization_config": {"binary": {}}}},
                      "quantization_config": "Disabled"})"),
      status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(update.quantizations.at("b"), Quantization::kBinary);
  EXPECT_EQ(update.quantization, Quantization::kAuto);
}

TEST(ReadCollectionUpdateTest, Distances) {
  absl::Status status;
  const auto update = ReadCollectionUpdate(
      Json::parse(R"({"vectors": {"": {"distance": "Dot"}, "b": {"distance": "Cosine"}}})"),
      status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(update.metrics.at(""), Metric::kDot);
  EXPECT_EQ(update.metrics.at("b"), Metric::kCosine);
  ReadCollectionUpdate(Json::parse(R"({"vectors": {"b": {"distance": "x"}}})"), status);
  EXPECT_THAT(std::string(status.message()), HasSubstr("vectors.b.distance"));
}

TEST(WriteCollectionInfoTest, Counts) {
  CollectionInfo info;
  info.points = 5;
  info.vectors[""].config.size = 4;
  info.vectors[""].indexed_vectors = 3;
  info.vectors[""].segments = 2;
  info.optimized = false;
  const Json json = WriteCollectionInfo(info);
  EXPECT_EQ(json["status"], "yellow");
  EXPECT_EQ(json["points_count"], 5);
  EXPECT_EQ(json["indexed_vectors_count"], 3);
  EXPECT_EQ(json["segments_count"], 2);
  EXPECT_EQ(json["config"]["params"]["vectors"]["size"], 4);
}

TEST(WriteCollectionInfoTest, NamedVectorsStayNamed) {
  CollectionInfo info;
  info.vectors["a"].config.size = 4;
  const Json json = WriteCollectionInfo(info);
  EXPECT_EQ(json["config"]["params"]["vectors"]["a"]["size"], 4);
  EXPECT_EQ(json["status"], "green");
}

TEST(WriteCollectionInfoTest, DamagedCollectionsAreRed) {
  CollectionInfo info;
  info.error = "the definition does not parse";
  const Json json = WriteCollectionInfo(info);
  EXPECT_EQ(json["status"], "red");
  EXPECT_EQ(json["optimizer_status"]["error"], info.error);
}

}  // namespace
}  // namespace vecnest::net
