#include "net/router.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

Route Make(std::string method, std::string pattern) {
  Route route;
  route.method = std::move(method);
  route.pattern = std::move(pattern);
  return route;
}

Router MakeRouter() {
  return Router({Make("GET", "/"), Make("GET", "/collections"), Make("PUT", "/c/{name}/points"),
                 Make("GET", "/c/{name}/points/{id}"), Make("POST", "/c/{name}/points/query"),
                 Make("GET", "/c/{name}/points/query")});
}

TEST(PercentDecodeTest, Decodes) {
  std::string decoded;
  EXPECT_TRUE(PercentDecode("a%20b+c%C3%A4", false, decoded));
  EXPECT_EQ(decoded, "a b+cä");
  EXPECT_TRUE(PercentDecode("a+b", true, decoded));
  EXPECT_EQ(decoded, "a b");
}

TEST(PercentDecodeTest, RefusesWhatIsMalformed) {
  std::string decoded;
  for (const char* text : {"%", "%2", "a%zz", "%-1", "%2g"}) {
    EXPECT_FALSE(PercentDecode(text, false, decoded)) << text;
  }
}

TEST(ParseQueryTest, SplitsAndDecodes) {
  EXPECT_THAT(ParseQuery("wait=true&x=a%20b&&flag&=none"),
              ElementsAre(Pair("flag", ""), Pair("wait", "true"), Pair("x", "a b")));
  EXPECT_THAT(ParseQuery(""), IsEmpty());
  EXPECT_THAT(ParseQuery("a=%zz"), ElementsAre(Pair("a", "%zz")));
}

TEST(RouterTest, FindsByMethodAndPath) {
  const Router router = MakeRouter();
  const auto match = router.Find("PUT", "/c/notes/points");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->pattern, "/c/{name}/points");
  EXPECT_THAT(match.parameters, ElementsAre(Pair("name", "notes")));
  EXPECT_EQ(router.Find("GET", "/").route->pattern, "/");
}

TEST(RouterTest, LiteralsWinOverParameters) {
  const Router router = MakeRouter();
  EXPECT_EQ(router.Find("GET", "/c/a/points/query").route->pattern, "/c/{name}/points/query");
  EXPECT_EQ(router.Find("GET", "/c/a/points/7").route->pattern, "/c/{name}/points/{id}");
}

TEST(RouterTest, ParametersAreDecoded) {
  const Router router = MakeRouter();
  const auto match = router.Find("PUT", "/c/a%2Fb%20c/points");
  EXPECT_THAT(match.parameters, ElementsAre(Pair("name", "a/b c")));
  EXPECT_FALSE(match.malformed);
}

TEST(RouterTest, ParametersMustBeUtf8) {
  const Router router = MakeRouter();
  EXPECT_TRUE(router.Find("PUT", "/c/%FF/points").malformed);
  EXPECT_TRUE(router.Find("PUT", "/c/%2/points").malformed);
}

TEST(RouterTest, TellsWhichMethodsThereAre) {
  const Router router = MakeRouter();
  const auto wrong = router.Find("DELETE", "/c/a/points");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_THAT(wrong.allowed, ElementsAre("PUT"));
  const auto none = router.Find("GET", "/nothing");
  EXPECT_EQ(none.route, nullptr);
  EXPECT_THAT(none.allowed, IsEmpty());
}

TEST(RouterTest, EmptyParametersDoNotMatch) {
  const Router router = MakeRouter();
  EXPECT_EQ(router.Find("PUT", "/c//points").route, nullptr);
}

TEST(RouterTest, OneSlashAtTheEndIsIgnored) {
  const Router router = MakeRouter();
  EXPECT_NE(router.Find("GET", "/collections/").route, nullptr);
}

}  // namespace
}  // namespace vecnest::net
