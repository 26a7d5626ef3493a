#include "engine/filter_match.h"

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

const Json& Payload() {
  static const auto& payload = *new Json(Json::parse(R"({
    "city": "Paris", "age": 30, "score": 2.5, "ok": true, "tags": ["a", "b"], "none": null,
    "empty": [], "when": "2024-02-29T12:00:00Z", "home": {"lon": 13.4, "lat": 52.5},
    "shops": [{"lon": 2.35, "lat": 48.85}, "closed", {"lon": 2.35, "lat": 99}],
    "trips": [{"to": {"lon": -74, "lat": 40.7}}, {"to": null}],
    "diet": [{"food": "leaves", "likes": false}, {"food": "meat", "likes": true}]})"));
  return payload;
}

bool Passes(const Filter& filter, PointId id = 1) {
  auto matcher = FilterMatcher::Compile(filter);
  EXPECT_TRUE(matcher.ok()) << matcher.status();
  return matcher->Matches(id, Payload(), [](std::string_view name) { return name == "image"; });
}

bool Passes(std::string key, decltype(FieldCondition::test) test) {
  Filter filter;
  filter.must.emplace_back(FieldCondition{std::move(key), std::move(test)});
  return Passes(filter);
}

TEST(FilterMatchTest, Match) {
  EXPECT_TRUE(Passes("city", MatchCondition{std::string("Paris")}));
  EXPECT_FALSE(Passes("city", MatchCondition{std::string("paris")}));
  EXPECT_TRUE(Passes("age", MatchCondition{int64_t{30}}));
  EXPECT_FALSE(Passes("age", MatchCondition{true}));
  EXPECT_TRUE(Passes("ok", MatchCondition{true}));
  EXPECT_TRUE(Passes("tags", MatchCondition{std::string("b")}));
  EXPECT_TRUE(Passes("city", MatchAnyCondition{{std::string("Rome"), std::string("Paris")}}));
  EXPECT_FALSE(Passes("city", MatchAnyCondition{{}}));
  EXPECT_TRUE(Passes("city", MatchExceptCondition{{std::string("Rome")}}));
  EXPECT_FALSE(Passes("city", MatchExceptCondition{{std::string("Paris")}}));
  EXPECT_FALSE(Passes("missing", MatchExceptCondition{{std::string("Paris")}}));
  EXPECT_TRUE(Passes("city", MatchTextCondition{"ari"}));
}

TEST(FilterMatchTest, Ranges) {
  EXPECT_TRUE(Passes("age", RangeCondition{{}, 30, {}, 30}));
  EXPECT_FALSE(Passes("age", RangeCondition{30, {}, {}, {}}));
  EXPECT_TRUE(Passes("score", RangeCondition{2, {}, 3, {}}));
  EXPECT_FALSE(Passes("city", RangeCondition{}));
  EXPECT_FALSE(Passes("ok", RangeCondition{}));
  EXPECT_TRUE(Passes("when", DatetimeRangeCondition{1709200000'000000, {}, 1709210000'000000, {}}));
  EXPECT_FALSE(Passes("when", DatetimeRangeCondition{1709210000'000000, {}, {}, {}}));
  EXPECT_TRUE(Passes("tags", ValuesCountCondition{{}, 2, {}, 2}));
  EXPECT_TRUE(Passes("missing", ValuesCountCondition{{}, {}, 1, {}}));
}

TEST(FilterMatchTest, Places) {
  const auto near = [](double lon, double lat) {
    return GeoCondition{GeoRadius{{lon, lat}, 5000}};
  };
  EXPECT_TRUE(Passes("home", near(13.4, 52.52)));
  EXPECT_FALSE(Passes("home", near(13.4, 52.6)));
  EXPECT_TRUE(Passes("shops", near(2.35, 48.86)));
  EXPECT_TRUE(Passes("shops[]", near(2.35, 48.86)));
  EXPECT_FALSE(Passes("shops[1]", GeoCondition{GeoBoundingBox{{-180, 90}, {180, -90}}}));
  EXPECT_FALSE(Passes("shops[2]", GeoCondition{GeoBoundingBox{{-180, 90}, {180, -90}}}));
  EXPECT_TRUE(Passes("trips[].to", near(-74, 40.7)));
  for (const char* key : {"city", "age", "none", "empty", "missing", "tags", "home.lon", "diet"}) {
    EXPECT_FALSE(Passes(key, GeoCondition{GeoBoundingBox{{-180, 90}, {180, -90}}})) << key;
  }
  Filter bad;
  bad.must.emplace_back(FieldCondition{"home", GeoCondition{GeoRadius{{0, 95}, 1}}});
  const auto status = FilterMatcher::Compile(bad).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("'home': center.lat"), std::string::npos) << status;
}

TEST(FilterMatchTest, EmptyAndNull) {
  for (const char* key : {"missing", "none", "empty"}) {
    EXPECT_TRUE(Passes(key, IsEmptyCondition{})) << key;
  }
  EXPECT_FALSE(Passes("tags", IsEmptyCondition{}));
  EXPECT_TRUE(Passes("none", IsNullCondition{}));
  EXPECT_FALSE(Passes("missing", IsNullCondition{}));
}

TEST(FilterMatchTest, NestedNeedsOneElementToFulfilEverything) {
  auto inner = std::make_shared<Filter>();
  inner->must.emplace_back(FieldCondition{"food", MatchCondition{std::string("meat")}});
  inner->must.emplace_back(FieldCondition{"likes", MatchCondition{true}});
  Filter filter;
  filter.must.emplace_back(NestedCondition{"diet", inner});
  EXPECT_TRUE(Passes(filter));
  auto crossed = std::make_shared<Filter>(*inner);
  crossed->must[0] = FieldCondition{"food", MatchCondition{std::string("leaves")}};
  filter.must[0] = NestedCondition{"diet", crossed};
  EXPECT_FALSE(Passes(filter));
}

TEST(FilterMatchTest, ClausesCombine) {
  const Condition yes = FieldCondition{"age", MatchCondition{int64_t{30}}};
  const Condition no = FieldCondition{"age", MatchCondition{int64_t{31}}};
  EXPECT_TRUE(Passes(Filter{}));
  EXPECT_TRUE(Passes(Filter{{yes}, {no, yes}, {no}, {}}));
  EXPECT_FALSE(Passes(Filter{{}, {no}, {}, {}}));
  EXPECT_FALSE(Passes(Filter{{}, {}, {yes}, {}}));
  EXPECT_TRUE(Passes(Filter{{}, {}, {}, Filter::MinShould{{yes, yes, no}, 2}}));
  EXPECT_FALSE(Passes(Filter{{}, {}, {}, Filter::MinShould{{yes, no, no}, 2}}));
}

TEST(FilterMatchTest, IdsAndVectors) {
  Filter filter;
  filter.must.emplace_back(HasIdCondition{{3, 1, 3}});
  EXPECT_TRUE(Passes(filter, 1));
  EXPECT_FALSE(Passes(filter, 2));
  Filter vectors;
  vectors.must.emplace_back(HasVectorCondition{"image"});
  EXPECT_TRUE(Passes(vectors));
}

TEST(FilterMatchTest, RefusesBadPathsAndBottomlessNesting) {
  Filter bad;
  bad.must.emplace_back(FieldCondition{"a[", IsNullCondition{}});
  EXPECT_EQ(FilterMatcher::Compile(bad).status().code(), absl::StatusCode::kInvalidArgument);
  auto deep = std::make_shared<Filter>();
  for (int i = 0; i < 100; ++i) {
    auto outer = std::make_shared<Filter>();
    outer->must.emplace_back(std::shared_ptr<const Filter>(deep));
    deep = outer;
  }
  EXPECT_EQ(FilterMatcher::Compile(*deep).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace vecnest::engine
