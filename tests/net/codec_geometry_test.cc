#include "net/codec_geometry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::HasSubstr;

TEST(ReadGeometryRequestTest, DefaultsAndAllParameters) {
  const auto defaults = ReadGeometryRequest({});
  ASSERT_TRUE(defaults.ok());
  EXPECT_EQ(defaults->samples, 5000U);
  EXPECT_EQ(defaults->field, "text");
  const auto request = ReadGeometryRequest(
      {{"vector", "title"}, {"samples", "300"}, {"seed", "9"}, {"field", "doc.body"}});
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->vector_name, "title");
  EXPECT_EQ(request->samples, 300U);
  EXPECT_EQ(request->seed, 9U);
  EXPECT_EQ(request->field, "doc.body");
}

TEST(ReadGeometryRequestTest, Refusals) {
  for (const char* text : {"", "x", "1x", "-1", "1.5", "99999999999999999999999"}) {
    EXPECT_THAT(ReadGeometryRequest({{"samples", text}}).status().message(),
                HasSubstr("samples: '"))
        << text;
  }
  EXPECT_THAT(ReadGeometryRequest({{"seed", "a"}}).status().message(), HasSubstr("seed: 'a'"));
}

TEST(WriteGeometryTest, ShowsWhatThereIs) {
  GeometryReport report;
  report.prefixes = {{32, 0.5, 0.25}};
  report.verdicts = {{"collapse", VerdictLevel::kWarn, "found", "do"},
                     {"int8", VerdictLevel::kOk, "found", ""}};
  Json json = WriteGeometry(report);
  EXPECT_FALSE(json.contains("prompt"));
  EXPECT_EQ(json["prefixes"][0]["recall"], 0.25);
  EXPECT_EQ(json["verdicts"][0]["level"], "warn");
  EXPECT_EQ(json["verdicts"][0]["advice"], "do");
  EXPECT_FALSE(json["verdicts"][1].contains("advice"));
  report.prompt = {"m", "passage: ", 3, 1, 1, 1};
  json = WriteGeometry(report);
  EXPECT_EQ(json["prompt"]["prefix"], "passage: ");
  EXPECT_EQ(json["prompt"]["otherwise"], 1);
}

}  // namespace
}  // namespace vecnest::net
