#include "net/codec_inspect.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::HasSubstr;

template <typename Request>
std::string Refusal(Request (*read)(const Json&, absl::Status&), const char* body) {
  absl::Status status;
  read(Json::parse(body), status);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << body;
  return std::string(status.message());
}

template <typename Request>
Request Accepted(Request (*read)(const Json&, absl::Status&), const char* body) {
  absl::Status status;
  Request request = read(Json::parse(body), status);
  EXPECT_TRUE(status.ok()) << status;
  return request;
}

TEST(CodecInspectTest, WhatEveryRequestMaySay) {
  const auto request = Accepted(ReadTokensRequest, R"({"text": "a", "model": "m", "prefix": "p: ",
                                                       "input_type": "query", "rows": true})");
  EXPECT_EQ(request.text, "a");
  EXPECT_EQ(request.inspect.model, "m");
  EXPECT_EQ(request.inspect.prefix, "p: ");
  EXPECT_EQ(request.inspect.type, TextType::kQuery);
  EXPECT_TRUE(request.rows);
  EXPECT_FALSE(Accepted(ReadLayersRequest, R"({"text": "a"})").inspect.prefix.has_value());
}

TEST(CodecInspectTest, Refusals) {
  EXPECT_THAT(Refusal(ReadTokensRequest, "{}"), HasSubstr("text"));
  EXPECT_THAT(Refusal(ReadTokensRequest, R"({"text": ""})"), HasSubstr("text: must not be empty"));
  EXPECT_THAT(Refusal(ReadLayersRequest, R"({"text": "a", "rows": true})"), HasSubstr("rows"));
  EXPECT_THAT(Refusal(ReadTokensRequest, R"({"text": "a", "input_type": "x"})"),
              HasSubstr("input_type: 'x'"));
  EXPECT_THAT(Refusal(ReadNeighborsRequest, R"({"term": "a", "limit": 1001})"), HasSubstr("limit"));
  EXPECT_THAT(Refusal(ReadAnalogyRequest, R"({"a": "x", "b": "y"})"), HasSubstr("c"));
  EXPECT_THAT(Refusal(ReadAnalogyRequest, R"({"a": "x", "b": "y", "c": "z", "candidates": []})"),
              HasSubstr("candidates: 0 texts, expected 1 to 2048"));
  EXPECT_THAT(Refusal(ReadContextRequest, R"({"word": "a", "sentences": ["a"]})"),
              HasSubstr("sentences: 1 texts, expected 2 to 32"));
  EXPECT_THAT(Refusal(ReadContextRequest, R"({"word": "a", "sentences": ["a", ""]})"),
              HasSubstr("sentences[1]: must not be empty"));
  EXPECT_THAT(Refusal(ReadProjectionRequest, R"({"text": "a", "positions": "first"})"),
              HasSubstr("positions: 'first', expected last or all"));
  EXPECT_THAT(Refusal(ReadProjectionRequest, R"({"text": "a", "limit": 101})"), HasSubstr("limit"));
  EXPECT_THAT(Refusal(ReadRareTokensRequest, R"({"texts": []})"), HasSubstr("texts: 0 texts"));
  EXPECT_THAT(Refusal(ReadRareTokensRequest, R"({"texts": ["a"], "least_count": 0})"),
              HasSubstr("least_count"));
}

TEST(CodecInspectTest, OptionsOfSearches) {
  const auto request =
      Accepted(ReadNeighborsRequest, R"({"term": "a", "limit": 3, "special": true, "model": "m"})");
  const NeighborOptions options = request.Options();
  EXPECT_EQ(options.limit, 3u);
  EXPECT_TRUE(options.special);
  EXPECT_EQ(options.inspect.model, "m");
  EXPECT_TRUE(Accepted(ReadProjectionRequest, R"({"text": "a", "positions": "all"})").all);
}

TEST(CodecInspectTest, Answers) {
  const NamedToken cls = {101, "[CLS]", true};
  TokensAnswer tokens = {{"m", "id"}, {{cls, 1.5, {0.5F}}}, {}};
  EXPECT_FALSE(WriteAnswer(tokens, false)["tokens"][0].contains("row"));
  EXPECT_EQ(
      WriteAnswer(tokens, true)["tokens"][0],
      Json::parse(R"({"id": 101, "text": "[CLS]", "special": true, "norm": 1.5, "row": [0.5]})"));
  LayersAnswer layers = {{"m", "id"}, {cls}, std::vector<LayerAnswer>(2)};
  layers.layers[1].added = {2};
  const Json written = WriteAnswer(layers);
  EXPECT_FALSE(written["layers"][0].contains("added"));
  EXPECT_EQ(written["layers"][1]["added"], Json::parse("[2.0]"));
  EXPECT_EQ(written["layers"][1]["layer"], 1);
  ProjectionAnswer projection;
  projection.positions = {{3, cls, {{cls, 4.5, std::nullopt}, {cls, 4, 0.25}}}};
  const Json best = WriteAnswer(projection)["positions"][0]["best"];
  EXPECT_FALSE(best[0].contains("probability"));
  EXPECT_EQ(best[1]["probability"], 0.25);
  RareTokensReport rare;
  rare.bands = {{1000, std::numeric_limits<uint64_t>::max(), 2, 1.0}};
  rare.broken = {{}};
  EXPECT_FALSE(WriteAnswer(rare)["bands"][0].contains("most"));
  EXPECT_FALSE(WriteAnswer(rare)["broken"][0].contains("rarest"));
  AnalogyReport analogies;
  analogies.total = {"total", 4, 0, 0};
  EXPECT_TRUE(WriteAnswer(analogies)["total"]["accuracy"].is_null());
  analogies.total = {"total", 4, 2, 1};
  EXPECT_EQ(WriteAnswer(analogies)["total"]["accuracy"], 0.5);
}

}  // namespace
}  // namespace vecnest::net
