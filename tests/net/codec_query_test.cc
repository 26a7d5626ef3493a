#include "net/codec_query.h"

#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::HasSubstr;
using Floats = std::vector<float>;

Query Read(const std::string& text) {
  absl::Status status;
  Query query = ReadQuery(Json::parse(text), "", status);
  EXPECT_TRUE(status.ok()) << status;
  return query;
}

absl::Status Refusal(const std::string& text) {
  absl::Status status;
  ReadQuery(Json::parse(text), "", status);
  EXPECT_FALSE(status.ok()) << text;
  return status;
}

// Empty: the query has none.
Floats VectorOf(const Query& query) {
  const Floats* vector = query.nearest ? std::get_if<Floats>(&*query.nearest) : nullptr;
  return vector == nullptr ? Floats() : *vector;
}

TEST(ReadQueryTest, Defaults) {
  const Query query = Read("{}");
  EXPECT_FALSE(query.nearest);
  EXPECT_EQ(query.limit, 10u);
  EXPECT_EQ(query.offset, 0u);
  EXPECT_EQ(query.dimensions, 0);
  EXPECT_FALSE(query.metric);
  EXPECT_FALSE(query.exact);
  EXPECT_EQ(query.with_payload.kind, PayloadSelector::Kind::kNone);
}

TEST(ReadQueryTest, Base64) {
  EXPECT_EQ(VectorOf(Read(R"({"query": {"base64": "AACAPw=="}})")), Floats({1}));
  EXPECT_EQ(VectorOf(Read(R"({"query": {"nearest": {"base64": "AACAPw=="}}})")), Floats({1}));
  EXPECT_THAT(std::string(Refusal(R"({"query": {"base64": 1}})").message()),
              HasSubstr("query.base64: expected a string"));
}

TEST(ReadQueryTest, EverythingAtOnce) {
  const Query query = Read(R"({
    "query": [1, 2], "using": "v", "limit": 3, "offset": 4, "score_threshold": 0.5,
    "filter": {"must": [{"has_id": [1]}]}, "with_payload": true, "with_vector": ["v"],
    "params": {"hnsw_ef": 64, "exact": true, "dimensions": 2, "metric": "Euclid", "explain": true}
  })");
  EXPECT_EQ(std::get<Floats>(*query.nearest), Floats({1, 2}));
  EXPECT_EQ(query.vector_name, "v");
  EXPECT_EQ(query.limit, 3u);
  EXPECT_EQ(query.offset, 4u);
  EXPECT_EQ(query.score_threshold, 0.5F);
  EXPECT_EQ(query.filter->must.size(), 1u);
  EXPECT_EQ(query.with_payload.kind, PayloadSelector::Kind::kAll);
  EXPECT_EQ(query.with_vectors.kind, VectorSelector::Kind::kNames);
  EXPECT_EQ(query.hnsw_ef, 64u);
  EXPECT_TRUE(query.exact);
  EXPECT_EQ(query.dimensions, 2);
  EXPECT_EQ(query.metric, Metric::kEuclid);
  EXPECT_TRUE(query.explain);
}

TEST(ReadQueryTest, HowWellGraphsAreSearched) {
  EXPECT_EQ(Read("{}").recall, 0.0F);
  EXPECT_EQ(Read("{}").oversampling, 0.0);
  EXPECT_EQ(Read(R"({"params": {"recall": 0.95}})").recall, 0.95F);
  const auto oversampling = [](const std::string& quantization) {
    return Read(R"({"params": {"quantization": )" + quantization + "}}").oversampling;
  };
  EXPECT_EQ(oversampling("{}"), 0.0);
  EXPECT_EQ(oversampling(R"({"rescore": true, "oversampling": 2.5})"), 2.5);
  EXPECT_EQ(oversampling(R"({"rescore": false, "oversampling": 2.5})"), 1.0);
  EXPECT_TRUE(std::isinf(oversampling(R"({"ignore": true})")));
  for (const char* recall : {"0", "1.01", "-1"}) {
    const absl::Status status = Refusal(std::string(R"({"params": {"recall": )") + recall + "}}");
    EXPECT_THAT(std::string(status.message()), HasSubstr("params.recall"));
  }
  EXPECT_THAT(
      std::string(Refusal(R"({"params": {"quantization": {"oversampling": 0.5}}})").message()),
      HasSubstr("params.quantization.oversampling"));
}

TEST(ReadQueryTest, IdsTextsAndNearest) {
  EXPECT_EQ(std::get<PointId>(*Read(R"({"query": 7})").nearest), PointId(7));
  EXPECT_EQ(std::get<Text>(*Read(R"({"query": {"text": "t"}})").nearest).text, "t");
  EXPECT_EQ(std::get<Floats>(*Read(R"({"query": {"nearest": [1]}})").nearest), Floats({1}));
  EXPECT_EQ(std::get<PointId>(*Read(R"({"query": {"nearest": 7}})").nearest), PointId(7));
  EXPECT_EQ(std::get<Text>(*Read(R"({"query": {"nearest": {"text": "t"}}})").nearest).text, "t");
}

TEST(ReadQueryTest, RefusesWhatItDoesNotDo) {
  for (const char* text :
       {R"({"prefetch": []})", R"({"query": {"recommend": {}}})", R"({"query": {"fusion": "rrf"}})",
        R"({"query": [[1]]})", R"({"lookup_from": {}})", R"({"shard_key": "a"})"}) {
    EXPECT_EQ(Refusal(text).code(), absl::StatusCode::kUnimplemented) << text;
  }
}

TEST(ReadQueryTest, ErrorsNameTheField) {
  const auto message = [](const char* text) { return std::string(Refusal(text).message()); };
  EXPECT_THAT(message(R"({"limit": 0})"), HasSubstr("limit: "));
  EXPECT_THAT(message(R"({"offset": -1})"), HasSubstr("offset: "));
  EXPECT_THAT(message(R"({"params": {"metric": "cosine"}})"), HasSubstr("params.metric: "));
  EXPECT_THAT(message(R"({"params": {"dimensions": 0}})"), HasSubstr("params.dimensions: "));
  EXPECT_THAT(message(R"({"params": {"speed": 0}})"), HasSubstr("params.speed: unknown"));
  EXPECT_THAT(message(R"({"query": true})"), HasSubstr("query: "));
  EXPECT_THAT(message(R"({"query": {}})"), HasSubstr("query.nearest: missing"));
  EXPECT_THAT(message(R"({"query": {"nearest": {"nearest": [1]}}})"), HasSubstr("query.nearest"));
  EXPECT_THAT(message(R"({"colour": 0})"), HasSubstr("colour: unknown"));
}

// Vectors that were packed while the text was parsed.
TEST(ReadQueryTest, PackedVectorsAreReadAsListsAre) {
  const std::vector<std::string> texts = {
      R"({"query": [1, -2.5, 3e-3]})",
      R"({"query": {"nearest": [0.1, 1e10]}, "limit": 3})",
      R"({"query": {"nearest": {"nearest": [1]}}})",
      R"({"query": []})",
      R"({"query": [1, "x"]})",
      R"({"query": [1e39]})",
      R"({"query": [[1, 2], [3, 4]]})",
      R"({"query": 7, "filter": {"must": [{"has_id": [1, 2]}]}})",
      R"({"query": [1], "filter": [1, 2]})",
      R"({"query": [1], "params": {"quantization": [1]}})",
      R"({"vector": [1, 2], "limit": 1})",
      R"({"vector": {"name": "a", "vector": [1, 2]}, "limit": 1})",
      R"({"vector": {"name": [1], "vector": [1]}, "limit": 1})",
      R"({"vector": {"name": "a", "vector": {"vector": [1]}}, "limit": 1})",
      R"({"query": [18446744073709551616, 9007199254740993]})",
  };
  const auto same = [](const std::string& text, auto read) {
    absl::Status of_list;
    absl::Status of_packed;
    const Query list = read(Json::parse(text), of_list);
    const Query packed = read(*engine::ParseJson(text, "body", kPackedInQueries), of_packed);
    EXPECT_EQ(of_list, of_packed) << text;
    EXPECT_EQ(VectorOf(list), VectorOf(packed)) << text;
  };
  for (const std::string& text : texts) {
    same(text, [](const Json& body, absl::Status& status) { return ReadQuery(body, "", status); });
    same(text, [](const Json& body, absl::Status& status) { return ReadSearch(body, "", status); });
  }
}

TEST(ReadQueryBatchTest, NamesTheElement) {
  absl::Status status;
  const auto queries =
      ReadQueryBatch(Json::parse(R"({"searches": [{"limit": 1}, {"limit": 2}]})"), status);
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_EQ(queries[1].limit, 2u);
  EXPECT_TRUE(status.ok()) << status;
  ReadQueryBatch(Json::parse(R"({"searches": [{}, {"limit": 0}]})"), status);
  EXPECT_THAT(std::string(status.message()), HasSubstr("searches[1].limit"));
}

TEST(ReadSearchTest, OldForm) {
  absl::Status status;
  const auto plain = ReadSearch(Json::parse(R"({"vector": [1], "limit": 5})"), "", status);
  EXPECT_EQ(std::get<Floats>(*plain.nearest), Floats({1}));
  EXPECT_EQ(plain.limit, 5u);
  const auto named = ReadSearch(
      Json::parse(R"({"vector": {"name": "v", "vector": [1]}, "limit": 5})"), "", status);
  EXPECT_EQ(named.vector_name, "v");
  EXPECT_TRUE(status.ok()) << status;
  ReadSearch(Json::parse(R"({"vector": [1]})"), "", status);
  EXPECT_EQ(std::string(status.message()), "limit: missing");
}

Json Written(const QueryAnswer& answer) {
  std::string text;
  AppendAnswer(answer, {}, text);
  return Json::parse(text);
}

TEST(WriteAnswerTest, PlanOnlyWhenThere) {
  QueryAnswer answer;
  answer.points.push_back({PointId(1), 2, 0.5F, std::nullopt, std::nullopt});
  EXPECT_EQ(Written(answer), Json::parse(R"({"points":[{"id":1,"version":2,"score":0.5}]})"));
  answer.plan.emplace();
  answer.plan->metric = Metric::kDot;
  answer.plan->dimensions = 64;
  answer.plan->strategy = "exact scan";
  answer.plan->filter_matches = 3;
  const Json plan = Written(answer)["plan"];
  EXPECT_EQ(plan["metric"], "Dot");
  EXPECT_EQ(plan["dimensions"], 64);
  EXPECT_EQ(plan["strategy"], "exact scan");
  EXPECT_EQ(plan["filter_matches"], 3);
  EXPECT_TRUE(plan["time"].contains("search"));
}

}  // namespace
}  // namespace vecnest::net
