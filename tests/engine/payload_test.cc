#include "engine/payload.h"

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

PayloadPath Path(std::string_view text) {
  auto path = PayloadPath::Parse(text);
  EXPECT_TRUE(path.ok()) << path.status();
  return *std::move(path);
}

std::vector<Json> ValuesAt(std::string_view path, const Json& payload) {
  std::vector<Json> values;
  Path(path).AnyOf(payload, [&](const Json& value) {
    values.push_back(value);
    return false;
  });
  return values;
}

const Json& Sample() {
  static const auto& sample = *new Json(Json::parse(R"({
    "a": {"b": 1}, "list": [{"x": 1, "y": 2}, {"x": 3}], "a.b": 7, "n": null})"));
  return sample;
}

TEST(PayloadTest, PathsLeadToValues) {
  EXPECT_EQ(ValuesAt("a.b", Sample()), std::vector<Json>{1});
  EXPECT_EQ(ValuesAt("\"a.b\"", Sample()), std::vector<Json>{7});
  EXPECT_EQ(ValuesAt("list[].x", Sample()), (std::vector<Json>{1, 3}));
  EXPECT_EQ(ValuesAt("list.x", Sample()), (std::vector<Json>{1, 3}));
  EXPECT_EQ(ValuesAt("list[1].x", Sample()), std::vector<Json>{3});
  EXPECT_EQ(ValuesAt("n", Sample()), std::vector<Json>{nullptr});
  EXPECT_TRUE(ValuesAt("list[5].x", Sample()).empty());
  EXPECT_TRUE(ValuesAt("a.b.c", Sample()).empty());
}

TEST(PayloadTest, MalformedPathsAreNamed) {
  for (const char* text : {"", ".", "a.", "a..b", "a[", "a[x]", "\"a", "a]b[", "[0]"}) {
    const auto path = PayloadPath::Parse(text);
    if (text == std::string_view("a]b[")) continue;  // ']' is an ordinary character of a name
    EXPECT_EQ(path.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(PayloadTest, MergeMakesTheWay) {
  Json payload = Sample();
  Path("a").Merge(payload, {{"c", 2}});
  EXPECT_EQ(payload["a"], (Json{{"b", 1}, {"c", 2}}));
  Path("new.deep").Merge(payload, {{"k", true}});
  EXPECT_EQ(payload["new"]["deep"]["k"], true);
  Path("list[]").Merge(payload, {{"z", 0}});
  EXPECT_EQ(payload["list"][1]["z"], 0);
}

TEST(PayloadTest, RemoveTakesOnlyWhatIsNamed) {
  Json payload = Sample();
  Path("list[].x").Remove(payload);
  EXPECT_EQ(payload["list"], Json::parse(R"([{"y": 2}, {}])"));
  Path("list[0]").Remove(payload);
  EXPECT_EQ(payload["list"].size(), 1u);
  Path("missing.key").Remove(payload);
  Path("a").Remove(payload);
  EXPECT_FALSE(payload.contains("a"));
  EXPECT_TRUE(payload.contains("a.b"));
}

TEST(PayloadTest, SelectorsKeepTheShape) {
  using Kind = PayloadSelector::Kind;
  const std::string payload = Sample().dump();
  const auto select = [&](Kind kind, std::vector<std::string> keys) {
    return Json::parse(**SelectPayload(payload, {kind, std::move(keys)}));
  };
  EXPECT_FALSE(SelectPayload(payload, {Kind::kNone, {}})->has_value());
  EXPECT_EQ(select(Kind::kAll, {}), Sample());
  EXPECT_EQ(select(Kind::kInclude, {"a.b"}), Json::parse(R"({"a": {"b": 1}})"));
  EXPECT_EQ(select(Kind::kInclude, {"list[].y", "n"}),
            Json::parse(R"({"list": [{"y": 2}, {}], "n": null})"));
  EXPECT_EQ(select(Kind::kExclude, {"list", "a", "n"}), Json::parse(R"({"a.b": 7})"));
  EXPECT_FALSE(SelectPayload(payload, {Kind::kInclude, {"a["}}).ok());
}

}  // namespace
}  // namespace vecnest::engine
