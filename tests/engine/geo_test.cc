#include "engine/geo.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using ::testing::HasSubstr;

constexpr double kEarthRadius = 6371008.8;
constexpr double kDegree = kEarthRadius * std::numbers::pi / 180;  // metres along a meridian
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<const GeoArea> Area(const GeoCondition& condition) {
  auto area = GeoArea::Create(condition);
  EXPECT_TRUE(area.ok()) << area.status();
  return *std::move(area);
}

std::string Error(const GeoCondition& condition) {
  const auto status = GeoArea::Create(condition).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

GeoPolygon::Ring Square(double low, double high) {
  return {{{low, low}, {high, low}, {high, high}, {low, high}, {low, low}}};
}

TEST(GeoTest, PlacesOfPayloads) {
  const auto read = [](const char* text) { return ReadGeoPoint(Json::parse(text)); };
  EXPECT_EQ(read(R"({"lon": 13.4, "lat": 52})"), (GeoPoint{13.4, 52}));
  EXPECT_EQ(read(R"({"lon": -180, "lat": 90, "name": "x"})"), (GeoPoint{-180, 90}));
  for (const char* text :
       {R"({"lon": 180.1, "lat": 0})", R"({"lon": 0, "lat": -90.1})", R"({"lon": 1})",
        R"({"lon": "1", "lat": 1})", R"({"lon": true, "lat": 1})", R"({"lon": null, "lat": 1})",
        "[1, 2]", "\"1,2\"", "null", "1"}) {
    EXPECT_FALSE(read(text)) << text;
  }
}

TEST(GeoTest, Boxes) {
  const auto box = Area({GeoBoundingBox{{10, 50}, {20, 40}}});
  EXPECT_TRUE(box->Contains({15, 45}));
  for (const GeoPoint corner : {GeoPoint{10, 50}, {20, 50}, {20, 40}, {10, 40}}) {
    EXPECT_TRUE(box->Contains(corner));
  }
  EXPECT_FALSE(box->Contains({9.999, 45}));
  EXPECT_FALSE(box->Contains({15, 50.001}));
  const auto point = Area({GeoBoundingBox{{10, 50}, {10, 50}}});
  EXPECT_TRUE(point->Contains({10, 50}));
  EXPECT_FALSE(point->Contains({10, 49.9}));
}

TEST(GeoTest, ABoxAcrossTheAntimeridian) {
  const auto box = Area({GeoBoundingBox{{170, 10}, {-170, -10}}});
  for (const double lon : {170.0, 175.0, 180.0, -180.0, -175.0, -170.0}) {
    EXPECT_TRUE(box->Contains({lon, 0})) << lon;
  }
  EXPECT_FALSE(box->Contains({0, 0}));
  EXPECT_FALSE(box->Contains({169.9, 0}));
  EXPECT_FALSE(box->Contains({-169.9, 0}));
  EXPECT_FALSE(box->Contains({180, 11}));
}

TEST(GeoTest, DistancesAreThoseOfTheMeanSphere) {
  // Berlin to London, some 931 km.
  const GeoPoint berlin{13.4050, 52.5200}, london{-0.1278, 51.5074};
  const auto within = [&](const GeoPoint& center, double radius, const GeoPoint& point) {
    return Area({GeoRadius{center, radius}})->Contains(point);
  };
  EXPECT_TRUE(within(berlin, 932000, london));
  EXPECT_FALSE(within(berlin, 930000, london));
  // A degree of a meridian is 111,195.08 m; it would be 111,194.93 with 6,371,000.
  EXPECT_TRUE(within({0, 0}, 111195.09, {0, 1}));
  EXPECT_FALSE(within({0, 0}, 111195.07, {0, 1}));
  EXPECT_TRUE(within(berlin, 0, berlin));
  EXPECT_FALSE(within(berlin, 0, london));
  // Over the antimeridian, over a pole, and to the other side of the earth.
  EXPECT_TRUE(within({179.9, 0}, 0.2001 * kDegree, {-179.9, 0}));
  EXPECT_TRUE(within({0, 89.9}, 0.2001 * kDegree, {180, 89.9}));
  EXPECT_FALSE(within({0, 89.9}, 0.1999 * kDegree, {180, 89.9}));
  EXPECT_TRUE(within({10, 20}, 180 * kDegree, {-170, -20}));
  EXPECT_FALSE(within({10, 20}, 179.9 * kDegree, {-170, -20}));
}

TEST(GeoTest, PolygonsWithTheirBordersAndHoles) {
  const auto ring = Area({GeoPolygon{Square(0, 10), {Square(4, 6)}}});
  EXPECT_TRUE(ring->Contains({2, 2}));
  EXPECT_FALSE(ring->Contains({5, 5}));
  EXPECT_FALSE(ring->Contains({-1, 5}));
  EXPECT_FALSE(ring->Contains({11, 10}));
  for (const GeoPoint border : {GeoPoint{0, 0}, {10, 10}, {5, 0}, {10, 3}, {4, 4}, {5, 6}}) {
    EXPECT_TRUE(ring->Contains(border)) << border.lon << " " << border.lat;
  }
  const GeoPolygon diamond{{{{0, -3}, {3, 0}, {0, 3}, {-3, 0}, {0, -3}}}, {}};
  EXPECT_TRUE(Area({diamond})->Contains({1.5, 1.5}));
  EXPECT_TRUE(Area({diamond})->Contains({1, 0}));  // on the level of a corner
  EXPECT_FALSE(Area({diamond})->Contains({1.5, 1.6}));
  GeoPolygon turned = diamond;
  std::reverse(turned.exterior.points.begin(), turned.exterior.points.end());
  EXPECT_TRUE(Area({turned})->Contains({1, 1}));
}

TEST(GeoTest, WhatIsNoAreaIsRefusedByPlace) {
  EXPECT_THAT(Error({GeoBoundingBox{{181, 0}, {0, 0}}}), HasSubstr("top_left.lon: expected"));
  EXPECT_THAT(Error({GeoBoundingBox{{0, 0}, {0, -91}}}), HasSubstr("bottom_right.lat: expected"));
  EXPECT_THAT(Error({GeoBoundingBox{{0, 0}, {1, 1}}}), HasSubstr("top_left.lat"));
  EXPECT_THAT(Error({GeoRadius{{0, kNaN}, 1}}), HasSubstr("center.lat"));
  for (const double radius : {-1.0, kNaN, std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(Error({GeoRadius{{0, 0}, radius}}), HasSubstr("radius: expected"));
  }
  EXPECT_THAT(Error({GeoPolygon{}}), HasSubstr("exterior.points: expected at least 4"));
  GeoPolygon many;
  many.exterior.points.resize(6000);
  many.interiors.resize(1);
  many.interiors[0].points.resize(4001);
  EXPECT_THAT(Error({many}), HasSubstr("10001 points, expected at most 10000"));
  GeoPolygon polygon{Square(0, 10), {Square(1, 2), Square(4, 6)}};
  polygon.interiors[1].points[2].lat = 90.5;
  EXPECT_THAT(Error({polygon}),
              HasSubstr("interiors[1].points[2].lat: expected a number from -90"));
  polygon.interiors[1].points.pop_back();
  polygon.interiors[1].points[2].lat = 5;
  EXPECT_THAT(Error({polygon}), HasSubstr("interiors[1].points: expected a closed ring"));
}

// Of rectangles of every size, near and far: what is said of all points holds of any.
TEST(GeoTest, RelationsHoldForEveryPointOfARectangle) {
  std::mt19937 random(3);
  const auto draw = [&](double low, double high) {
    return std::uniform_real_distribution<>(low, high)(random);
  };
  const std::vector<GeoCondition> conditions = {
      {GeoBoundingBox{{-20, 30}, {40, -10}}},
      {GeoBoundingBox{{150, 60}, {-120, -80}}},
      {GeoRadius{{13, 52}, 1'000'000}},
      {GeoRadius{{-179, 80}, 5'000'000}},
      {GeoRadius{{0, 0}, 179.99 * kDegree}},
      {GeoRadius{{5, 5}, 20}},
      {GeoPolygon{{{{-60, -50}, {80, -40}, {20, 0}, {90, 70}, {-70, 60}, {-60, -50}}},
                  {Square(-5, 30)}}}};
  int certain = 0;
  for (const GeoCondition& condition : conditions) {
    const auto area = Area(condition);
    for (int i = 0; i < 4000; ++i) {
      const double size = std::pow(10, draw(-7, 2.2));
      const GeoPoint corner{draw(-180, 180), draw(-90, 90)};
      const GeoRectangle rectangle{
          corner, {std::min(corner.lon + size, 180.0), std::min(corner.lat + size, 90.0)}};
      const GeoRelation relation = area->RelationTo(rectangle);
      if (relation == GeoRelation::kUndecided) continue;
      ++certain;
      for (int j = 0; j < 20; ++j) {
        const GeoPoint point{draw(rectangle.south_west.lon, rectangle.north_east.lon),
                             draw(rectangle.south_west.lat, rectangle.north_east.lat)};
        ASSERT_EQ(area->Contains(point), relation == GeoRelation::kInside)
            << condition.area.index() << " " << point.lon << " " << point.lat;
      }
    }
  }
  EXPECT_GT(certain, 15'000);
}

}  // namespace
}  // namespace vecnest::engine
