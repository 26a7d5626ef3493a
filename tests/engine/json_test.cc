#include "engine/json.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using testing::HasSubstr;

std::string MessageFor(std::string_view text) {
  const auto json = ParseJson(text, "body");
  EXPECT_EQ(json.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(json.status().message());
}

TEST(JsonTest, ReadsValidJson) {
  EXPECT_EQ((*ParseJson(R"({"a": [1, 2.5]})", "body"))["a"][1], 2.5);
}

TEST(JsonTest, NamesTheMemberWithAnInfiniteNumber) {
  EXPECT_THAT(MessageFor(R"({"vector": [1, NaN]})"),
              testing::AllOf(HasSubstr("NaN"), HasSubstr("'vector'"), HasSubstr("finite")));
  EXPECT_THAT(MessageFor(R"({"vector": [-Infinity]})"), HasSubstr("-Infinity"));
  EXPECT_THAT(MessageFor(R"([1e999])"), HasSubstr("double"));
}

TEST(JsonTest, SaysWhereTheTextBreaks) {
  EXPECT_THAT(MessageFor(""), HasSubstr("byte 0"));
  EXPECT_THAT(MessageFor("{\"a\": \"\xff\"}"), HasSubstr("UTF-8"));
  EXPECT_THAT(MessageFor("[1] x"), HasSubstr("byte"));
}

TEST(JsonTest, DeepNestingIsRefusedBeforeItIsRead) {
  EXPECT_THAT(MessageFor(std::string(1'000'000, '[')), HasSubstr("128 levels"));
  const std::string deepest = std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']');
  EXPECT_TRUE(ParseJson(deepest, "body").ok());
  EXPECT_TRUE(ParseJson("\"" + std::string(1000, '[') + "\"", "body").ok());
}

TEST(JsonTest, AnObjectIsAsked) {
  EXPECT_TRUE(ParseJsonObject("{}", "payload").ok());
  EXPECT_THAT(std::string(ParseJsonObject("[]", "payload").status().message()),
              HasSubstr("expected a JSON object"));
}

}  // namespace
}  // namespace vecnest::engine
