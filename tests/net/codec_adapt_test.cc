#include "net/codec_adapt.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::HasSubstr;

std::string Error(const std::string& text) {
  absl::Status status;
  ReadAdaptRequest(Json::parse(text), status);
  EXPECT_FALSE(status.ok()) << text;
  return std::string(status.message());
}

TEST(ReadAdaptRequestTest, DefaultsAndAllMembers) {
  absl::Status status;
  const AdaptRequest defaults = ReadAdaptRequest(Json::object(), status);
  EXPECT_EQ(defaults.vector_name, "");
  EXPECT_EQ(defaults.method, AdaptMethod::kPrefixes);
  EXPECT_EQ(defaults.samples, 20'000U);
  const Json pair = {{"query", {{"text", "q"}, {"truncate", false}}},
                     {"positive", {{"id", 7U}}},
                     {"negatives", {{1.0, 2.0}, {{"text", "n"}, {"truncate", true}}}}};
  const Json all = {{"vector", "title"}, {"method", "pairs"}, {"samples", 500},
                    {"seed", 7},         {"steps", 30},       {"temperature", 0.5},
                    {"widths", {8, 16}}, {"pairs", {pair}}};
  const AdaptRequest request = ReadAdaptRequest(all, status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(request.vector_name, "title");
  EXPECT_EQ(request.method, AdaptMethod::kPairs);
  EXPECT_FALSE(std::get<Text>(request.pairs[0].query).truncate);
  EXPECT_EQ(std::get<PointId>(request.pairs[0].positive), PointId(7));
  EXPECT_EQ(WriteAdaptRequest(request), all);
}

TEST(ReadAdaptRequestTest, AStringIsAText) {
  absl::Status status;
  const AdaptRequest request =
      ReadAdaptRequest(Json::parse(R"({"pairs": [{"query": "1", "positive": "two"}]})"), status);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(std::get<Text>(request.pairs[0].query).text, "1");
  EXPECT_EQ(std::get<Text>(request.pairs[0].positive).text, "two");
}

TEST(ReadAdaptRequestTest, VectorsAsBase64) {
  absl::Status status;
  const Json body =
      Json::parse(R"({"pairs": [{"query": {"base64": "AACAPwAAAMA="}, "positive": "p"}]})");
  const AdaptRequest request = ReadAdaptRequest(body, status);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(std::get<std::vector<float>>(request.pairs[0].query), std::vector<float>({1, -2}));
}

TEST(ReadAdaptRequestTest, Refusals) {
  EXPECT_THAT(Error("[]"), HasSubstr("object"));
  EXPECT_THAT(Error(R"({"method": "whiten"})"),
              HasSubstr("prefixes, rotation, pairs, none, given"));
  EXPECT_THAT(Error(R"({"pairs": [{"query": "q"}]})"), HasSubstr("pairs[0].positive"));
  EXPECT_THAT(Error(R"({"pairs": [{"query": 7, "positive": "p"}]})"), HasSubstr("pairs[0].query"));
  EXPECT_THAT(Error(R"({"pairs": [{"query": {"id": -1}, "positive": "p"}]})"),
              HasSubstr("pairs[0].query.id"));
  EXPECT_THAT(
      Error(R"({"pairs": [{"query": "q", "positive": "p", "negatives": [{"id": 1, "x": 2}]}]})"),
      HasSubstr("pairs[0].negatives[0].x"));
  EXPECT_THAT(Error(R"({"pairs": [{"query": {"id": null}, "positive": "p"}]})"),
              HasSubstr("pairs[0].query.id"));
  EXPECT_THAT(Error(R"({"pairs": "q"})"), HasSubstr("pairs"));
  EXPECT_THAT(Error(R"({"widths": [0]})"), HasSubstr("widths[0]"));
  EXPECT_THAT(Error(R"({"steps": 0})"), HasSubstr("steps"));
  EXPECT_THAT(Error(R"({"samples": 0})"), HasSubstr("samples"));
  EXPECT_THAT(Error(R"({"seed": -1})"), HasSubstr("seed"));
  EXPECT_THAT(Error(R"({"vectors": ""})"), HasSubstr("vectors"));
}

TEST(WriteAdaptJobTest, ShowsWhatThereIs) {
  EXPECT_EQ(WriteAdaptJob({}), Json({{"phase", "none"}}));
  AdaptJob job;
  job.phase = AdaptPhase::kIndexing;
  job.progress = 0.5;
  const Json running = WriteAdaptJob(job);
  EXPECT_EQ(running["phase"], "indexing");
  EXPECT_EQ(running["progress"], 0.5);
  EXPECT_EQ(running["request"]["method"], "prefixes");
  EXPECT_FALSE(running.contains("error"));
  job.phase = AdaptPhase::kFailed;
  job.error = "why";
  EXPECT_EQ(WriteAdaptJob(job)["error"], "why");
}

}  // namespace
}  // namespace vecnest::net
