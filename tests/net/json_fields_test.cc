#include "net/json_fields.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(JsonFieldsTest, ReadsEveryType) {
  const Json json = {{"b", true}, {"s", "x"}, {"n", 1.5}, {"i", 7}, {"l", {"p", "q"}}};
  absl::Status status;
  JsonFields fields(json, "", status);
  EXPECT_EQ(fields.Bool("b"), true);
  EXPECT_EQ(fields.String("s"), "x");
  EXPECT_EQ(fields.Number("n"), 1.5);
  EXPECT_EQ(fields.Integer("i", 0, 10), 7);
  EXPECT_THAT(*fields.Strings("l"), ElementsAre("p", "q"));
  fields.Finish();
  EXPECT_TRUE(status.ok()) << status;
}

TEST(JsonFieldsTest, MissingAndNullAreNothing) {
  const Json json = {{"null", nullptr}};
  absl::Status status;
  JsonFields fields(json, "", status);
  EXPECT_FALSE(fields.Bool("null"));
  EXPECT_FALSE(fields.String("missing"));
  EXPECT_EQ(fields.Find("null"), nullptr);
  fields.Finish();
  EXPECT_TRUE(status.ok()) << status;
  fields.Require("null");
  EXPECT_EQ(Message(status), "null: missing");
}

TEST(JsonFieldsTest, WrongTypesNameTheField) {
  const Json json = {{"x", 5}};
  absl::Status status;
  JsonFields fields(json, "params", status);
  EXPECT_FALSE(fields.Bool("x"));
  EXPECT_EQ(Message(status), "params.x: expected true or false, got a number");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(JsonFieldsTest, IntegersHaveBounds) {
  for (const Json& value : {Json(-1), Json(11), Json(1.5), Json(UINT64_MAX), Json("3")}) {
    const Json json = {{"limit", value}};
    absl::Status status;
    JsonFields fields(json, "", status);
    EXPECT_FALSE(fields.Integer("limit", 0, 10)) << value;
    EXPECT_THAT(Message(status), HasSubstr("limit: expected an integer from 0 to 10"));
  }
}

TEST(JsonFieldsTest, StringsNameTheElement) {
  const Json json = {{"keys", {"a", 1}}};
  absl::Status status;
  JsonFields fields(json, "", status);
  EXPECT_FALSE(fields.Strings("keys"));
  EXPECT_EQ(Message(status), "keys[1]: expected a string, got a number");
}

TEST(JsonFieldsTest, UnknownMembersAreErrors) {
  const Json json = {{"b", 1}, {"a", 2}, {"colour", 3}};
  absl::Status status;
  JsonFields fields(json, "q", status);
  fields.Find("b");
  fields.Ignore({"a"});
  fields.Finish();
  EXPECT_EQ(Message(status), "q.colour: unknown field; expected one of: a, b");
}

TEST(JsonFieldsTest, RefusedMembersAreNotOffered) {
  const Json refused = {{"prefetch", Json::array()}};
  absl::Status status;
  JsonFields fields(refused, "", status);
  fields.Refuse({"prefetch"});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(Message(status), HasSubstr("prefetch: not supported"));

  const Json other = {{"x", 1}};
  absl::Status unknown;
  JsonFields again(other, "", unknown);
  again.Refuse({"prefetch"});
  again.Finish();
  EXPECT_EQ(Message(unknown).find("prefetch"), std::string::npos);
}

TEST(JsonFieldsTest, TheFirstErrorStays) {
  const Json json = {{"a", 1}, {"b", 2}};
  absl::Status status;
  JsonFields fields(json, "", status);
  fields.Bool("a");
  const std::string first = Message(status);
  fields.String("b");
  fields.Require("c");
  fields.Finish();
  EXPECT_EQ(Message(status), first);
}

TEST(JsonFieldsTest, OnlyObjects) {
  absl::Status status;
  const Json list = Json::array();
  JsonFields fields(list, "", status);
  EXPECT_EQ(Message(status), "request body: expected an object, got a list");
  EXPECT_EQ(fields.Find("x"), nullptr);
}

TEST(ReadFloatsTest, ReadsNumbers) {
  absl::Status status;
  EXPECT_THAT(*ReadFloats(Json{1, -2.5, 0}, "v", status), ElementsAre(1.0F, -2.5F, 0.0F));
  EXPECT_TRUE(status.ok());
}

TEST(ReadFloatsTest, NamesWhatIsNoNumber) {
  const std::vector<Json> lists = {{1, "2"}, {1, nullptr}, {1, 1e300}, {1, true}};
  for (const Json& list : lists) {
    absl::Status status;
    EXPECT_FALSE(ReadFloats(list, "v", status));
    EXPECT_THAT(Message(status), HasSubstr("v[1]: expected a finite number"));
  }
  absl::Status status;
  EXPECT_FALSE(ReadFloats("x", "v", status));
  EXPECT_EQ(Message(status), "v: expected a list of numbers, got a string");
}

TEST(PathTest, MembersAndElements) {
  EXPECT_EQ(MemberPath("", "a"), "a");
  EXPECT_EQ(MemberPath("a", "b"), "a.b");
  EXPECT_EQ(ElementPath("a", 3), "a[3]");
}

}  // namespace
}  // namespace vecnest::net
