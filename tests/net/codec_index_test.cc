#include "net/codec_index.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::HasSubstr;

std::string Error(const std::string& text) {
  absl::Status status;
  ReadIndexRequest(Json::parse(text), status);
  EXPECT_FALSE(status.ok()) << text;
  return std::string(status.message());
}

TEST(ReadIndexRequestTest, BothShapesOfASchema) {
  absl::Status status;
  const IndexRequest plain =
      ReadIndexRequest(Json::parse(R"({"field_name": "a.b", "field_schema": "integer"})"), status);
  EXPECT_EQ(plain.field, "a.b");
  EXPECT_EQ(plain.config, (PayloadIndexConfig{PayloadIndexType::kInteger, "{}"}));
  const IndexRequest options = ReadIndexRequest(
      Json::parse(R"({"field_name": "t", "field_schema": {"type": "text", "tokenizer": "word"}})"),
      status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(options.config.type, PayloadIndexType::kText);
  EXPECT_EQ(options.config.params, R"({"tokenizer":"word","type":"text"})");
}

TEST(ReadIndexRequestTest, Refusals) {
  EXPECT_THAT(Error(R"({"field_schema": "keyword"})"), HasSubstr("field_name"));
  EXPECT_THAT(Error(R"({"field_name": "a"})"), HasSubstr("field_schema"));
  EXPECT_THAT(Error(R"({"field_name": "a", "field_schema": "color"})"), HasSubstr("keyword"));
  EXPECT_THAT(Error(R"({"field_name": "a", "field_schema": {}})"), HasSubstr("type"));
  EXPECT_THAT(Error(R"({"field_name": "a", "field_schema": 3})"), HasSubstr("field_schema"));
}

TEST(FacetTest, RequestsAndHits) {
  absl::Status status;
  const FacetRequest request = ReadFacetRequest(
      Json::parse(R"({"key": "k", "limit": 3, "exact": true, "filter": {}})"), status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(request.key, "k");
  EXPECT_EQ(request.limit, 3u);
  EXPECT_TRUE(request.filter.has_value());
  ReadFacetRequest(Json::parse("{}"), status);
  EXPECT_THAT(std::string(status.message()), HasSubstr("key"));
  EXPECT_EQ(WriteFacetHits({{std::string("x"), 2}, {int64_t{3}, 1}, {true, 1}}).dump(),
            R"({"hits":[{"count":2,"value":"x"},{"count":1,"value":3},{"count":1,"value":true}]})");
}

TEST(PayloadSchemaTest, NamesTypeAndPoints) {
  const Json schema = WritePayloadSchema(
      {{"a", {{PayloadIndexType::kUuid, "{}"}, 4, 100}},
       {"b", {{PayloadIndexType::kKeyword, R"({"type":"keyword","is_tenant":true})"}, 1, 100}}});
  EXPECT_EQ(schema["a"].dump(), R"({"data_type":"uuid","points":4})");
  EXPECT_EQ(schema["b"]["params"]["is_tenant"], true);
}

}  // namespace
}  // namespace vecnest::net
