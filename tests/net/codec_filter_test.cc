#include "net/codec_filter.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::HasSubstr;

Filter Read(const std::string& text, absl::Status& status) {
  return ReadFilter(Json::parse(text), "filter", status);
}

Filter ReadOk(const std::string& text) {
  absl::Status status;
  Filter filter = Read(text, status);
  EXPECT_TRUE(status.ok()) << status;
  return filter;
}

std::string Error(const std::string& text) {
  absl::Status status;
  Read(text, status);
  EXPECT_FALSE(status.ok()) << text;
  return std::string(status.message());
}

// The test of a filter with a single field condition.
template <typename Test>
Test Single(const std::string& condition) {
  const Filter filter = ReadOk(R"({"must": [{"key": "k", )" + condition + "}]}");
  EXPECT_EQ(filter.must.size(), 1u);
  const auto& field = std::get<FieldCondition>(filter.must.at(0));
  EXPECT_EQ(field.key, "k");
  return std::get<Test>(field.test);
}

TEST(ReadFilterTest, Clauses) {
  const Filter filter = ReadOk(R"({
    "must": {"has_vector": "v"},
    "should": [{"has_id": [1]}, {"has_id": [2]}],
    "must_not": [{"is_null": {"key": "a.b"}}],
    "min_should": {"conditions": [{"has_id": [3]}], "min_count": 1}})");
  ASSERT_EQ(filter.must.size(), 1u);
  EXPECT_EQ(std::get<HasVectorCondition>(filter.must[0]).name, "v");
  EXPECT_EQ(filter.should.size(), 2u);
  const auto& null = std::get<FieldCondition>(filter.must_not.at(0));
  EXPECT_EQ(null.key, "a.b");
  EXPECT_TRUE(std::holds_alternative<IsNullCondition>(null.test));
  ASSERT_TRUE(filter.min_should);
  EXPECT_EQ(filter.min_should->min_count, 1u);
}

TEST(ReadFilterTest, Matches) {
  EXPECT_EQ(Single<MatchCondition>(R"("match": {"value": "x"})").value, MatchValue("x"));
  EXPECT_EQ(Single<MatchCondition>(R"("match": {"value": -7})").value, MatchValue(int64_t{-7}));
  EXPECT_EQ(Single<MatchCondition>(R"("match": {"value": true})").value, MatchValue(true));
  EXPECT_EQ(Single<MatchAnyCondition>(R"("match": {"any": [1, 2]})").values.size(), 2u);
  EXPECT_EQ(Single<MatchExceptCondition>(R"("match": {"except": ["a"]})").values.size(), 1u);
  EXPECT_EQ(Single<MatchTextCondition>(R"("match": {"text": "bc"})").text, "bc");
}

TEST(ReadFilterTest, Ranges) {
  const auto numbers = Single<RangeCondition>(R"("range": {"gt": 1, "lte": 2.5})");
  EXPECT_EQ(numbers.gt, 1.0);
  EXPECT_EQ(numbers.lte, 2.5);
  EXPECT_FALSE(numbers.lt);
  const auto times = Single<DatetimeRangeCondition>(R"("range": {"gte": "1970-01-01T00:00:01Z"})");
  EXPECT_EQ(times.gte, 1'000'000);
  EXPECT_EQ(Single<ValuesCountCondition>(R"("values_count": {"lt": 3})").lt, 3);
}

TEST(ReadFilterTest, Areas) {
  const auto box = std::get<GeoBoundingBox>(
      Single<GeoCondition>(R"("geo_bounding_box": {"top_left": {"lon": 170, "lat": 10.5},
                              "bottom_right": {"lon": -170, "lat": -10}})")
          .area);
  EXPECT_EQ(box.top_left, (GeoPoint{170, 10.5}));
  EXPECT_EQ(box.bottom_right, (GeoPoint{-170, -10}));
  const auto circle = std::get<GeoRadius>(
      Single<GeoCondition>(R"("geo_radius": {"center": {"lon": 1, "lat": 2}, "radius": 3.5})")
          .area);
  EXPECT_EQ(circle.center, (GeoPoint{1, 2}));
  EXPECT_EQ(circle.radius, 3.5);
  const std::string ring =
      R"({"points": [{"lon": 0, "lat": 0}, {"lon": 3, "lat": 0}, {"lon": 0, "lat": 3},
                     {"lon": 0, "lat": 0}]})";
  const auto polygon =
      std::get<GeoPolygon>(Single<GeoCondition>(R"("geo_polygon": {"exterior": )" + ring +
                                                R"(, "interiors": [)" + ring + "," + ring + "]}")
                               .area);
  EXPECT_EQ(polygon.exterior.points.size(), 4u);
  EXPECT_EQ(polygon.exterior.points[1], (GeoPoint{3, 0}));
  EXPECT_EQ(polygon.interiors.size(), 2u);
  const auto plain =
      Single<GeoCondition>(R"("geo_polygon": {"interiors": null, "exterior": )" + ring + "}");
  EXPECT_TRUE(std::get<GeoPolygon>(plain.area).interiors.empty());
}

TEST(ReadFilterTest, ErrorsNameThePlaceInAnArea) {
  const auto error = [](const std::string& area) {
    return Error(R"({"must": [{"key": "k", )" + area + "}]}");
  };
  EXPECT_THAT(error(R"("geo_radius": {"center": {"lon": 0, "lat": 91}, "radius": 1})"),
              HasSubstr("filter.must[0].geo_radius.center.lat: expected a number from -90 to 90"));
  EXPECT_THAT(error(R"("geo_radius": {"center": {"lon": 0, "lat": 0}, "radius": -1})"),
              HasSubstr("filter.must[0].geo_radius.radius: expected metres"));
  EXPECT_THAT(error(R"("geo_radius": {"radius": 1})"),
              HasSubstr("filter.must[0].geo_radius.center: missing"));
  EXPECT_THAT(error(R"("geo_radius": {"center": {"lon": 0, "lat": "x"}, "radius": 1})"),
              HasSubstr("geo_radius.center.lat: expected a number, got a string"));
  EXPECT_THAT(error(R"("geo_radius": {"center": {"lon": 0, "lat": 0, "alt": 1}, "radius": 1})"),
              HasSubstr("geo_radius.center.alt: unknown field; expected one of: lat, lon"));
  EXPECT_THAT(error(R"("geo_bounding_box": {"top_left": {"lon": 0, "lat": 0}})"),
              HasSubstr("geo_bounding_box.bottom_right: missing"));
  EXPECT_THAT(error(R"("geo_polygon": {"exterior": {"points": []}})"),
              HasSubstr("geo_polygon.exterior.points: expected at least 4 points, got 0"));
  EXPECT_THAT(error(R"("geo_polygon": {"exterior": {"points": [{"lon": 0, "lat": 0}, 7]}})"),
              HasSubstr("geo_polygon.exterior.points[1]: expected an object"));
  EXPECT_THAT(error(R"("geo_polygon": {"exterior": {"points": {}}})"),
              HasSubstr("geo_polygon.exterior.points: expected a list"));
  EXPECT_THAT(error(R"("geo_polygon": {"exterior": {"points": []}, "interiors": [[]]})"),
              HasSubstr("geo_polygon.interiors[0]: expected an object"));
}

TEST(ReadFilterTest, FalseFlagsAreTurnedRound) {
  const Filter filter = ReadOk(R"({"must": [{"key": "k", "is_null": false}]})");
  const auto& inner = std::get<std::shared_ptr<const Filter>>(filter.must.at(0));
  EXPECT_EQ(inner->must_not.size(), 1u);
}

TEST(ReadFilterTest, Nested) {
  const Filter filter =
      ReadOk(R"({"must": [{"nested": {"key": "a[]", "filter": {"must": [{"has_id": [1]}]}}}]})");
  const auto& nested = std::get<NestedCondition>(filter.must.at(0));
  EXPECT_EQ(nested.key, "a[]");
  EXPECT_EQ(nested.filter->must.size(), 1u);
}

TEST(ReadFilterTest, ErrorsNameThePlace) {
  EXPECT_THAT(Error(R"({"may": []})"), HasSubstr("filter.may: unknown field"));
  EXPECT_THAT(Error(R"({"must": [{"key": "k"}]})"), HasSubstr("filter.must[0]: expected exactly"));
  EXPECT_THAT(Error(R"({"must": [{"key": "k", "match": {}}]})"), HasSubstr("filter.must[0].match"));
  EXPECT_THAT(Error(R"({"must": [{"key": "k", "match": {"value": 1.5}}]})"),
              HasSubstr("filter.must[0].match.value"));
  EXPECT_THAT(Error(R"({"must": [{"key": "k", "match": {"value": 9223372036854775808}}]})"),
              HasSubstr("filter.must[0].match.value"));
  EXPECT_THAT(Error(R"({"must": [{"key": "k", "range": {"gt": 1, "lt": "2020-01-01"}}]})"),
              HasSubstr("not both"));
  EXPECT_THAT(Error(R"({"should": [{"has_id": [1, "x"]}]})"),
              HasSubstr("filter.should[0].has_id[1]"));
}

TEST(ReadFilterTest, DepthIsBounded) {
  std::string text = "{}";
  for (int i = 0; i < 40; ++i) text = R"({"must": [)" + text + "]}";
  EXPECT_THAT(Error(text), HasSubstr("levels deep"));
}

TEST(ReadPointIdTest, NumbersAndUuids) {
  absl::Status status;
  EXPECT_EQ(ReadPointId(Json(7u), "id", status), PointId(7));
  EXPECT_EQ(ReadPointId(Json(UINT64_MAX), "id", status), PointId(UINT64_MAX));
  const char* uuid = "936da01f-9abd-4d9d-80c7-02af85c822a8";
  const auto id = ReadPointId(Json(uuid), "id", status);
  ASSERT_TRUE(id);
  EXPECT_TRUE(id->is_uuid());
  EXPECT_EQ(WritePointId(*id), uuid);
  EXPECT_EQ(WritePointId(PointId(7)), 7);
  EXPECT_TRUE(status.ok());
}

TEST(ReadPointIdTest, RefusesEverythingElse) {
  for (const char* text : {"-1", "1.5", "\"7\"", "\"x\"", "true", "null", "[1]", "{}"}) {
    absl::Status status;
    EXPECT_FALSE(ReadPointId(Json::parse(text), "id", status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("id: ")) << text;
  }
}

}  // namespace
}  // namespace vecnest::net
