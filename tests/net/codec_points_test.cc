#include "net/codec_points.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Floats = std::vector<float>;

std::vector<Point> Upsert(const std::string& text, absl::Status& status) {
  return ReadUpsert(Json::parse(text), "", status);
}

std::string UpsertError(const std::string& text) {
  absl::Status status;
  Upsert(text, status);
  EXPECT_FALSE(status.ok()) << text;
  return std::string(status.message());
}

TEST(ReadUpsertTest, Rows) {
  absl::Status status;
  const auto points = Upsert(
      R"({"points": [{"id": 1, "vector": [1, 2], "payload": {"a": 1}},
                     {"id": 2, "vector": {"x": [3], "y": {"text": "hi"}}}]})",
      status);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].id, PointId(1));
  EXPECT_EQ(std::get<Floats>(points[0].vectors.at("")), Floats({1, 2}));
  EXPECT_EQ(points[0].payload, R"({"a":1})");
  EXPECT_EQ(std::get<Floats>(points[1].vectors.at("x")), Floats({3}));
  EXPECT_EQ(std::get<Text>(points[1].vectors.at("y")).text, "hi");
  EXPECT_EQ(points[1].payload, "{}");
}

TEST(ReadUpsertTest, Columns) {
  absl::Status status;
  const auto points = Upsert(
      R"({"batch": {"ids": [1, 2], "vectors": [[1], [2]], "payloads": [null, {"b": 2}]}})", status);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(std::get<Floats>(points[1].vectors.at("")), Floats({2}));
  EXPECT_EQ(points[0].payload, "{}");
  EXPECT_EQ(points[1].payload, R"({"b":2})");
  const auto named = Upsert(R"({"batch": {"ids": [1], "vectors": {"v": [[5]]}}})", status);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(std::get<Floats>(named.at(0).vectors.at("v")), Floats({5}));
}

TEST(ReadUpsertTest, ErrorsNameThePlace) {
  EXPECT_THAT(UpsertError("{}"), HasSubstr("either 'points' or 'batch'"));
  EXPECT_THAT(UpsertError(R"({"points": [], "batch": {}})"), HasSubstr("either"));
  EXPECT_THAT(UpsertError(R"({"points": [{"id": 1}]})"), HasSubstr("points[0].vector: missing"));
  EXPECT_THAT(UpsertError(R"({"points": [{"id": 1, "vector": [1, "x"]}]})"),
              HasSubstr("points[0].vector[1]"));
  EXPECT_THAT(UpsertError(R"({"points": [{"id": 1, "vector": [1], "payload": []}]})"),
              HasSubstr("points[0].payload: expected an object"));
  EXPECT_THAT(UpsertError(R"({"points": [{"id": 1, "vector": [1], "x": 1}]})"),
              HasSubstr("points[0].x: unknown field"));
  EXPECT_THAT(UpsertError(R"({"batch": {"ids": [1, 2], "vectors": [[1]]}})"),
              HasSubstr("batch.vectors: expected 2 elements"));
  EXPECT_THAT(UpsertError(R"({"batch": {"ids": [1], "vectors": [[1]], "payloads": []}})"),
              HasSubstr("batch.payloads: expected 1 elements"));
}

std::string Describe(const VectorInput& input) {
  const auto* text = std::get_if<Text>(&input);
  return text != nullptr ? text->text : ::testing::PrintToString(std::get<Floats>(input));
}

std::string Describe(const std::vector<Point>& points) {
  std::string all;
  for (const Point& point : points) {
    all += point.id.ToString() + point.payload;
    for (const auto& [name, input] : point.vectors) all += name + Describe(input);
  }
  return all;
}

// Packed or not, a body says the same, and what is wrong with it is said the same.
TEST(ReadUpsertTest, PackedVectorsAreThoseOfTheLists) {
  const std::vector<std::string> texts = {
      R"({"points": [{"id": 1, "vector": [1, -2.5, 0.1], "payload": {"vector": [1, 2]}}]})",
      R"({"points": [{"id": 1, "vector": {"a": [1], "b": {"text": "t"}}, "payload": {"v": [1]}}]})",
      R"({"batch": {"ids": [1, 2], "vectors": [[1], [2.5]], "payloads": [{"vectors": [3]}, null]}})",
      R"({"batch": {"ids": [1], "vectors": {"a": [[5, 6]], "vectors": [[7]]}}})",
      R"({"batch": {"ids": [1], "vectors": [1]}})",
      R"({"batch": {"ids": [1, 2], "vectors": [[1]]}})",
      R"({"batch": {"ids": [1, 2], "vectors": [[1], ["x"]]}})",
      R"({"batch": {"ids": [1, 2], "vectors": [[1], []]}})",
      R"({"batch": {"ids": [1], "vectors": {"a": [5, 6]}}})",
      R"({"batch": {"ids": {"vectors": [1]}, "vectors": [[1]]}})",
      R"({"batch": {"ids": [1], "vectors": [[1e39]]}})",
      R"({"points": [{"id": 1, "vector": [[1, 2], [3, 4]]}]})",
      R"({"points": [{"id": 1, "vector": [[1, 2], "x"]}]})",
      R"({"points": [{"id": 1, "vector": {"a": [[1, 2], [3, 4]]}}]})",
      R"({"points": [{"id": 1, "vector": {"indices": [1], "values": [0.5]}}]})",
      R"({"points": [{"id": [1], "vector": [1]}]})",
      R"({"points": {"vector": [1]}})",
      R"({"points": [{"id": 1, "vector": {"text": [1]}}]})",
      R"({"points": [{"id": 1, "vector": {"text": "t", "options": [1]}}]})",
      R"({"points": [{"id": 1, "vector": {"text": "t", "options": {"prefix": [1]}}}]})",
      R"({"points": [{"id": 1, "vector": {"text": "t", "chunk": [1]}}]})",
  };
  for (const std::string& text : texts) {
    absl::Status of_lists;
    absl::Status of_packed;
    const auto lists = Upsert(text, of_lists);
    const auto packed =
        ReadUpsert(*engine::ParseJson(text, "body", kPackedInPoints), "", of_packed);
    EXPECT_EQ(of_packed, of_lists) << text;
    if (of_lists.ok()) {
      EXPECT_EQ(Describe(packed), Describe(lists)) << text;
    }
  }
}

TEST(ReadVectorInputTest, TextsAndVectors) {
  absl::Status status;
  const Json json = {{"text", "a"}, {"model", "m"}, {"options", {{"prefix", "query: "}}}};
  const auto text = std::get<Text>(ReadVectorInput(json, "v", status));
  EXPECT_EQ(text.text, "a");
  EXPECT_EQ(text.model, "m");
  EXPECT_EQ(text.prefix, "query: ");
  EXPECT_THAT(std::get<Floats>(ReadVectorInput(Json{1, 2}, "v", status)), ElementsAre(1, 2));
  EXPECT_TRUE(status.ok()) << status;
}

// The texts were made by NumPy and Python's base64.
TEST(ReadVectorInputTest, Base64) {
  absl::Status status;
  const auto read = [&](const Json& json) {
    return std::get<Floats>(ReadVectorInput(json, "v", status));
  };
  EXPECT_THAT(read({{"base64", "AACAPwAAAMDNzMw9"}}), ElementsAre(1, -2, 0.1F));
  EXPECT_THAT(read({{"base64", "AQAAAA"}}), ElementsAre(1e-45F));
  EXPECT_THAT(read({{"base64", ""}}), IsEmpty());
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ReadVectorInputTest, NamesWhatIsWrongWithBase64) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"base64": "AACA!w=="})", "v.base64: is not base64"},
      {R"({"base64": "AACAPw==AACAPw=="})", "v.base64: is not base64"},
      {R"({"base64": "AACAPwA="})", "v.base64: 5 bytes, expected floats of 4 bytes each"},
      {R"({"base64": "AACAPwAAwH8="})", "v.base64: component 1 is nan, expected a finite number"},
      {R"({"base64": [1]})", "v.base64: expected a string, got a list"},
      {R"({"base64": null})", "v.base64: missing"},
      {R"({"base64": "AACAPw==", "dtype": "f2"})", "v.dtype: unknown field"},
      {R"({"base64": "AACAPw==", "text": "t"})", "v.base64: unknown field"},
  };
  for (const auto& [text, message] : cases) {
    absl::Status status;
    ReadVectorInput(Json::parse(text), "v", status);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message)) << text;
  }
}

TEST(ReadNamedInputsTest, Base64AsValueAndAsName) {
  absl::Status status;
  const auto read = [&](const char* text) {
    return ReadNamedInputs(Json::parse(text), "vector", status);
  };
  EXPECT_EQ(std::get<Floats>(read(R"({"base64": "AACAPw=="})").at("")), Floats({1}));
  EXPECT_EQ(std::get<Floats>(read(R"({"a": {"base64": "AACAPw=="}})").at("a")), Floats({1}));
  EXPECT_EQ(std::get<Floats>(read(R"({"base64": [2]})").at("base64")), Floats({2}));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ReadVectorInputTest, SaysWhatIsNotSupported) {
  for (const char* text :
       {"[[1, 2]]", R"({"indices": [1], "values": [2]})", R"({"image": "x", "model": "m"})"}) {
    absl::Status status;
    ReadVectorInput(Json::parse(text), "v", status);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("v: ")) << text;
  }
}

TEST(ReadBulkLineTest, VectorOrText) {
  absl::Status status;
  const Point vector = ReadBulkLine(Json::parse(R"({"id": 3, "vector": [1]})"), status);
  EXPECT_EQ(std::get<Floats>(vector.vectors.at("")), Floats({1}));
  const Point text = ReadBulkLine(Json::parse(R"({"id": 3, "text": "t"})"), status);
  EXPECT_EQ(std::get<Text>(text.vectors.at("")).text, "t");
  EXPECT_TRUE(status.ok()) << status;
  ReadBulkLine(Json::parse(R"({"id": 3})"), status);
  EXPECT_THAT(std::string(status.message()), HasSubstr("either 'vector' or 'text'"));
}

TEST(ReadVectorUpdateTest, Points) {
  absl::Status status;
  const auto updates =
      ReadVectorUpdate(Json::parse(R"({"points": [{"id": 1, "vector": {"a": [1]}}]})"), "", status);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].first, PointId(1));
  EXPECT_EQ(updates[0].second.count("a"), 1u);
}

TEST(ReadSelectorTest, PointsOrFilter) {
  const auto read = [](const char* text, absl::Status& status) {
    const Json json = Json::parse(text);
    JsonFields fields(json, "", status);
    return ReadSelector(fields);
  };
  absl::Status status;
  EXPECT_EQ(std::get<std::vector<PointId>>(read(R"({"points": [1, 2]})", status)).size(), 2u);
  EXPECT_TRUE(std::holds_alternative<Filter>(read(R"({"filter": {}})", status)));
  EXPECT_TRUE(status.ok()) << status;
  for (const char* text : {"{}", R"({"points": [1], "filter": {}})"}) {
    absl::Status refused;
    read(text, refused);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("either 'points' or 'filter'"));
  }
}

TEST(ReadPayloadUpdateTest, KeyAndPayload) {
  absl::Status status;
  const auto update = ReadPayloadUpdate(
      Json::parse(R"({"points": [1], "payload": {"a": 1}, "key": "b.c"})"), "", status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(update.payload, R"({"a":1})");
  EXPECT_EQ(update.key, "b.c");
  ReadPayloadUpdate(Json::parse(R"({"points": [1]})"), "", status);
  EXPECT_EQ(std::string(status.message()), "payload: missing");
}

TEST(ReadPayloadUpdateTest, ListsInPayloadsStayAsTheyAre) {
  absl::Status status;
  const auto body = engine::ParseJson(
      R"({"points": [1], "payload": {"vector": [1, 2.5], "a": {"vectors": [[3]]}}})", "body",
      kPackedInPoints);
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(ReadPayloadUpdate(*body, "", status).payload,
            R"({"a":{"vectors":[[3]]},"vector":[1,2.5]})");
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ReadKeyRemovalTest, NumbersAreNoNames) {
  const std::string text = R"({"points": [1], "vector": [1, 2]})";
  absl::Status of_list;
  absl::Status of_packed;
  ReadKeyRemoval(Json::parse(text), "vector", "", of_list);
  ReadKeyRemoval(*engine::ParseJson(text, "body", kPackedInPoints), "vector", "", of_packed);
  EXPECT_EQ(std::string(of_list.message()), "vector[0]: expected a string, got a number");
  EXPECT_EQ(of_packed, of_list);
}

TEST(ReadKeyRemovalTest, MemberByItsName) {
  absl::Status status;
  const Json json = Json::parse(R"({"points": [1], "vector": ["a", "b"]})");
  EXPECT_THAT(ReadKeyRemoval(json, "vector", "", status).keys, ElementsAre("a", "b"));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ReadPayloadSelectorTest, EveryShape) {
  using Kind = PayloadSelector::Kind;
  absl::Status status;
  const auto read = [&](const Json& json) { return ReadPayloadSelector(&json, "p", true, status); };
  EXPECT_EQ(ReadPayloadSelector(nullptr, "p", true, status).kind, Kind::kAll);
  EXPECT_EQ(ReadPayloadSelector(nullptr, "p", false, status).kind, Kind::kNone);
  EXPECT_EQ(read(true).kind, Kind::kAll);
  EXPECT_EQ(read(false).kind, Kind::kNone);
  EXPECT_EQ(read(Json::parse(R"(["a"])")).kind, Kind::kInclude);
  EXPECT_THAT(read(Json::parse(R"({"exclude": ["a"]})")).keys, ElementsAre("a"));
  EXPECT_TRUE(status.ok()) << status;
  read(Json::parse(R"({"include": [], "exclude": []})"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("either 'include' or 'exclude'"));
}

TEST(ReadVectorSelectorTest, EveryShape) {
  using Kind = VectorSelector::Kind;
  absl::Status status;
  const auto read = [&](const Json& json) { return ReadVectorSelector(&json, "v", status); };
  EXPECT_EQ(ReadVectorSelector(nullptr, "v", status).kind, Kind::kNone);
  EXPECT_EQ(read(true).kind, Kind::kAll);
  EXPECT_THAT(read(Json::parse(R"(["a"])")).names, ElementsAre("a"));
  EXPECT_TRUE(status.ok()) << status;
  read(5);
  EXPECT_THAT(std::string(status.message()), HasSubstr("v: expected a boolean or a list"));
}

template <typename Value>
Json Written(void (*append)(const Value&, const UnitLength&, std::string&), const Value& value,
             const UnitLength& unit_length = {}) {
  std::string text;
  append(value, unit_length, text);
  return Json::parse(text);
}

TEST(WriteTest, Records) {
  const Record record{PointId(1), R"({"a":1})", NamedVectors{{"", {3, 4}}}};
  EXPECT_EQ(Written(AppendRecord, record),
            Json::parse(R"({"id":1,"payload":{"a":1},"vector":[3.0,4.0]})"));
  const Json unit = Written(AppendRecord, record, {{"", true}});
  EXPECT_FLOAT_EQ(unit["vector"][0].get<float>(), 0.6F);
  EXPECT_EQ(Written(AppendRecord, Record{PointId(1), std::nullopt, std::nullopt}),
            Json({{"id", 1}}));
  EXPECT_EQ(Written(AppendVectors, NamedVectors{{"a", {1}}}), Json::parse(R"({"a":[1.0]})"));
}

TEST(WriteTest, UnitLengthOfZeroIsZero) {
  EXPECT_EQ(Written(AppendVectors, NamedVectors{{"", {0, 0}}}, {{"", true}}),
            Json::parse("[0.0,0.0]"));
}

TEST(WriteTest, ScoredPoints) {
  const ScoredPoint point{PointId(1), 9, 0.5F, std::nullopt, std::nullopt};
  EXPECT_EQ(Written(AppendScoredPoint, point), Json::parse(R"({"id":1,"version":9,"score":0.5})"));
}

TEST(WriteTest, UpdateResults) {
  WriteResult result;
  result.sequence = 4;
  EXPECT_EQ(WriteUpdateResult(result, true),
            Json::parse(R"({"operation_id":4,"status":"completed","points":0})"));
  result.truncated.push_back(PointId(8));
  EXPECT_EQ(
      WriteUpdateResult(result, false),
      Json::parse(R"({"operation_id":4,"status":"acknowledged","points":0,"truncated":[8]})"));
  result.affected = 9;
  result.chunks = 6;
  result.removed_chunks = 2;
  EXPECT_EQ(WriteUpdateResult(result, true), Json::parse(R"({
    "operation_id":4,"status":"completed","points":7,"chunks":6,"removed_chunks":2,
    "truncated":[8]})"));
}

Text ReadGood(const Json& json) {
  absl::Status status;
  Text text = ReadText(json, "v", status);
  EXPECT_TRUE(status.ok()) << status;
  return text;
}

std::string TextError(const Json& json) {
  absl::Status status;
  ReadText(json, "v", status);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << json;
  return std::string(status.message());
}

TEST(ReadTextTest, WhatToDoWithLongTexts) {
  const Text plain = ReadGood({{"text", "a"}});
  EXPECT_TRUE(plain.truncate);
  EXPECT_FALSE(plain.chunk.has_value());
  const Json asked = {{"truncate", false}, {"chunk", {{"max_tokens", 200}, {"overlap", 20}}}};
  Json own = asked;
  own["text"] = "a";
  for (const Json& json : {own, Json{{"text", "a"}, {"options", asked}}}) {
    const Text text = ReadGood(json);
    EXPECT_FALSE(text.truncate);
    ASSERT_TRUE(text.chunk.has_value());
    EXPECT_EQ(text.chunk->max_tokens, 200);
    EXPECT_EQ(text.chunk->overlap, 20);
  }
  EXPECT_EQ(ReadGood({{"text", "a"}, {"chunk", {{"max_tokens", 9}}}}).chunk->overlap, 0);
}

TEST(ReadTextTest, MistakesAboutLongTextsAreNamed) {
  const auto chunk = [](Json value) { return Json{{"text", "a"}, {"chunk", std::move(value)}}; };
  EXPECT_THAT(TextError(chunk(200)), HasSubstr("v.chunk: expected an object"));
  EXPECT_THAT(TextError(chunk(Json::object())), HasSubstr("v.chunk.max_tokens: missing"));
  EXPECT_THAT(TextError(chunk({{"max_tokens", 0}})), HasSubstr("v.chunk.max_tokens: expected"));
  EXPECT_THAT(TextError(chunk({{"max_tokens", 20}, {"overlap", 20}})),
              HasSubstr("v.chunk.overlap: expected an integer from 0 to 19, got 20"));
  EXPECT_THAT(TextError(chunk({{"max_tokens", 20}, {"size", 1}})), HasSubstr("v.chunk.size"));
  EXPECT_THAT(TextError({{"text", "a"}, {"truncate", 1}}), HasSubstr("v.truncate: expected true"));
  EXPECT_THAT(TextError({{"text", "a"}, {"truncate", true}, {"options", {{"truncate", true}}}}),
              HasSubstr("v.truncate: given twice"));
}

TEST(ReadBulkLineTest, WhatToDoWithLongTexts) {
  absl::Status status;
  const Point point = ReadBulkLine(
      Json::parse(R"({"id":1,"text":"a","truncate":false,"chunk":{"max_tokens":9,"overlap":3}})"),
      status);
  ASSERT_TRUE(status.ok()) << status;
  const auto& text = std::get<Text>(point.vectors.at(""));
  EXPECT_FALSE(text.truncate);
  EXPECT_EQ(text.chunk->overlap, 3);
  ReadBulkLine(Json::parse(R"({"id":1,"vector":[1],"chunk":{"max_tokens":9}})"), status);
  EXPECT_THAT(std::string(status.message()), HasSubstr("chunk: belongs to 'text'"));
}

}  // namespace
}  // namespace vecnest::net
