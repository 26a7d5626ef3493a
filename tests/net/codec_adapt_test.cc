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
  const Json all = {{"vector", "title"}, {"method", "rotation"}, {"samples", 500}, {"seed", 7}};
  const AdaptRequest request = ReadAdaptRequest(all, status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(request.vector_name, "title");
  EXPECT_EQ(request.method, AdaptMethod::kRotation);
  EXPECT_EQ(WriteAdaptRequest(request), all);
}

TEST(ReadAdaptRequestTest, Refusals) {
  EXPECT_THAT(Error("[]"), HasSubstr("object"));
  EXPECT_THAT(Error(R"({"method": "whiten"})"), HasSubstr("prefixes, rotation, none"));
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
