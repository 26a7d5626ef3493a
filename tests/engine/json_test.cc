#include "engine/json.h"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "fmt/format.h"
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

// nlohmann's own parser is the reference: the same values of the same types.
TEST(JsonTest, ReadsWhatNlohmannReads) {
  std::vector<std::string> texts = {"0",
                                    "-0",
                                    "-0.0",
                                    "1e-400",
                                    "0.1",
                                    "123456789012345678901234567890",
                                    "9223372036854775807",
                                    "9223372036854775808",
                                    "18446744073709551615",
                                    "18446744073709551616",
                                    "-9223372036854775808",
                                    "-9223372036854775809",
                                    "1.7976931348623157e308",
                                    "4.9e-324",
                                    "2.2250738585072011e-308",
                                    R"("\u00e4\ud83d\ude00\n")",
                                    R"({"a":1,"a":2})",
                                    R"({"":{}})",
                                    "[]",
                                    " [ ] ",
                                    "null",
                                    "true",
                                    R"({"b":[1,-2,3.5,"x",null,{"c":false}]})",
                                    "\"\xc3\xa4\""};
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (int i = 0; i < 200; ++i) {
    Json vector = Json::array();
    for (int j = 0; j < 50; ++j) vector.push_back(std::ldexp(normal(random), j - 25));
    texts.push_back(Json{{"vector", vector}, {"id", i}}.dump());
  }
  texts.push_back(Json(std::vector<double>(200'000, 0.3)).dump());
  for (const std::string& text : texts) {
    const Json expected = Json::parse(text);
    const auto read = ParseJson(text, "body");
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, expected) << text.substr(0, 80);
    EXPECT_EQ(read->dump(), expected.dump());
    EXPECT_EQ(read->is_number_float(), expected.is_number_float()) << text.substr(0, 80);
    EXPECT_EQ(read->is_number_integer(), expected.is_number_integer()) << text.substr(0, 80);
  }
}

TEST(JsonTest, DiscardsWhatIsRead) {
  std::string text = R"({"a": [1.5, {"b": "c"}, null]})";
  for (int depth = 4; depth < kMaxJsonDepth; ++depth) text = fmt::format("[{}]", text);
  Json value = *ParseJson(text, "body");
  for (Json other : {std::move(value), Json(1.5), Json("text"), Json(), Json::array()}) {
    Discard(other);
    EXPECT_TRUE(other.is_null());
  }
}

TEST(JsonTest, AnObjectIsAsked) {
  EXPECT_TRUE(ParseJsonObject("{}", "payload").ok());
  EXPECT_THAT(std::string(ParseJsonObject("[]", "payload").status().message()),
              HasSubstr("expected a JSON object"));
}

constexpr std::string_view kNames[] = {"v"};
constexpr std::string_view kOthers[] = {"p"};
constexpr PackedLists kPacked{kNames, false, {}};
constexpr PackedLists kPackedNested{kNames, true, kOthers};

TEST(PackedFloatsTest, HaveTheValuesOfTheList) {
  const std::string text = R"({"v": [1, -2.5, 1e-50, 18446744073709551615, -7, 0.1], "w": [1]})";
  const auto plain = ParseJson(text, "body");
  const auto packed = ParseJson(text, "body", kPacked);
  ASSERT_TRUE(plain.ok() && packed.ok());
  EXPECT_EQ((*packed)["w"], (*plain)["w"]);
  const auto floats = PackedFloats((*packed)["v"]);
  ASSERT_TRUE(floats);
  EXPECT_EQ(*floats, (*plain)["v"].get<std::vector<float>>());
  EXPECT_FALSE(PackedFloats((*plain)["v"]));
}

TEST(PackedFloatsTest, AreFoundAtAnyDepth) {
  const auto json = ParseJson(R"([{"a": {"v": [1]}}])", "body", kPacked);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(PackedFloats((*json)[0]["a"]["v"]), std::vector<float>{1});
}

// So that whoever reads the value says what is wrong with it.
TEST(PackedFloatsTest, OtherValuesStayAsTheyAre) {
  for (const char* value : {"[]", "[1, null]", "[1, [2]]", "[1e39]", "[1, \"2\"]", "3", "\"a\"",
                            "null", "{\"w\": 1}", "[true]"}) {
    const std::string text = fmt::format(R"({{"v": {}}})", value);
    const auto plain = ParseJson(text, "body");
    const auto packed = ParseJson(text, "body", kPacked);
    ASSERT_TRUE(plain.ok() && packed.ok()) << value;
    EXPECT_EQ(*packed, *plain) << value;
  }
}

TEST(PackedFloatsTest, ListsInAMemberArePackedWhenAsked) {
  const std::string text = R"({"v": [[1, 2], {"w": [3]}], "w": [4]})";
  const auto flat = ParseJson(text, "body", kPacked);
  const auto nested = ParseJson(text, "body", kPackedNested);
  ASSERT_TRUE(flat.ok() && nested.ok());
  EXPECT_EQ(*flat, *ParseJson(text, "body"));
  EXPECT_EQ(PackedFloats((*nested)["v"][0]), (std::vector<float>{1, 2}));
  EXPECT_EQ(PackedFloats((*nested)["v"][1]["w"]), std::vector<float>{3});
  EXPECT_EQ((*nested)["w"], (*flat)["w"]);
}

TEST(PackedFloatsTest, NothingIsPackedInExceptedMembers) {
  const std::string text = R"({"p": [{"v": [1]}], "v": [{"p": {"v": [2], "w": [3]}}]})";
  const auto packed = ParseJson(text, "body", kPackedNested);
  ASSERT_TRUE(packed.ok());
  EXPECT_EQ(*packed, *ParseJson(text, "body"));
}

TEST(PackedFloatsTest, TheLastOfEqualMembersCounts) {
  const auto json = ParseJson(R"({"v": [1], "v": [2, 3]})", "body", kPacked);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(PackedFloats((*json)["v"]), (std::vector<float>{2, 3}));
}

}  // namespace
}  // namespace vecnest::engine
