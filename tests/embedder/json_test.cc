#include "embedder/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/temporary_directory.h"

namespace vecnest::embedder {
namespace {

using ::testing::HasSubstr;

Json Parsed(std::string_view text) { return Json::Parse(text, "config.json").value(); }

TEST(JsonTest, ReadsValues) {
  const Json root = Parsed(R"({"i": 3, "d": 0.5, "b": true, "s": "x", "n": null, "a": [1, 2]})");
  EXPECT_EQ(root.GetInt("i").value(), 3);
  EXPECT_EQ(root.GetDouble("d", 0).value(), 0.5);
  EXPECT_EQ(root.GetDouble("i", 0).value(), 3.0);
  EXPECT_TRUE(root.GetBool("b", false).value());
  EXPECT_EQ(root.GetString("s").value(), "x");
  EXPECT_EQ(root.Get("a")->Elements().size(), 2u);
  EXPECT_EQ(root.Members().size(), 6u);
}

TEST(JsonTest, AbsentAndNullTakeTheFallback) {
  const Json root = Parsed(R"({"n": null})");
  for (const std::string_view key : {"n", "missing"}) {
    EXPECT_FALSE(root.Find(key).has_value());
    EXPECT_EQ(root.GetInt(key, 7).value(), 7);
    EXPECT_EQ(root.GetString(key, "z").value(), "z");
    EXPECT_THAT(root.GetInt(key).status().message(), HasSubstr("config.json: no field"));
  }
}

TEST(JsonTest, TellsNullFromAbsent) {
  const Json json = Json::Parse(R"({"a": null, "b": 1})", "x").value();
  EXPECT_TRUE(json.IsNull("a"));
  EXPECT_FALSE(json.IsNull("b"));
  EXPECT_FALSE(json.IsNull("c"));
  EXPECT_FALSE(json.Find("b")->IsNull("a"));
}

TEST(JsonTest, ErrorsNameFileFieldAndTypes) {
  const Json root = Parsed(R"({"a": {"b": ["x"]}, "big": 18446744073709551615, "f": 1.5})");
  const Json element = root.Get("a")->Get("b")->Elements()[0];
  EXPECT_EQ(element.AsInt().status().message(),
            R"(config.json: field "a": field "b"[0]: expected an integer, found string)");
  EXPECT_THAT(root.GetInt("big").status().message(), HasSubstr("too large"));
  EXPECT_FALSE(root.GetInt("f").ok());
  EXPECT_FALSE(root.GetBool("f", true).ok());
  EXPECT_FALSE(element.Get("c").ok());
}

TEST(JsonTest, RefusesDamagedDocuments) {
  EXPECT_EQ(Json::Parse("{\"a\": ", "x.json").status().message(), "x.json: not valid JSON");
  EXPECT_FALSE(Json::Parse("{\"a\": \"\xff\"}", "x").ok());
  EXPECT_FALSE(Json::Parse("", "x").ok());
  const std::string deep(200'000, '[');
  EXPECT_FALSE(Json::Parse(deep, "x").ok());
}

TEST(JsonTest, LoadsFiles) {
  EXPECT_EQ(Json::Load("/nowhere/x.json").status().code(), absl::StatusCode::kNotFound);
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/array.json";
  std::ofstream(path) << "[1]";
  EXPECT_TRUE(Json::Load(path)->IsArray());
}

}  // namespace
}  // namespace vecnest::embedder
