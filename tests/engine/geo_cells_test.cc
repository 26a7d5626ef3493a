#include "engine/payload_index/geo_cells.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

class GeoCellsTest : public testing::Test {
 protected:
  double Draw(double low, double high) {
    return std::uniform_real_distribution<>(low, high)(random_);
  }
  GeoPoint Place() { return {Draw(-180, 180), Draw(-90, 90)}; }

  // Every place is in the range that its cell says, or outside of all and of the area.
  void ExpectCovered(const GeoCondition& condition, const std::vector<GeoPoint>& places) {
    const auto area = GeoArea::Create(condition);
    ASSERT_TRUE(area.ok()) << area.status();
    const auto ranges = CoverArea(**area);
    for (size_t i = 1; i < ranges.size(); ++i) ASSERT_LT(ranges[i - 1].last, ranges[i].first);
    for (const GeoPoint& place : places) {
      const int64_t cell = GeoCellOf(place);
      const auto found = std::find_if(ranges.begin(), ranges.end(), [&](const GeoCellRange& range) {
        return range.first <= cell && cell <= range.last;
      });
      const bool contained = (*area)->Contains(place);
      ASSERT_TRUE(found != ranges.end() || !contained) << place.lon << " " << place.lat;
      ASSERT_TRUE(found == ranges.end() || !found->inside || contained)
          << place.lon << " " << place.lat;
    }
  }

  std::mt19937 random_{5};
};

TEST_F(GeoCellsTest, CellsContainTheirPlacesAndAreSmall) {
  std::vector<GeoPoint> places = {{-180, -90},
                                  {180, 90},
                                  {0, 0},
                                  {-0.0, 45},
                                  {180, -90},
                                  {1e-300, -45},
                                  {179.999999, 89.999999}};
  for (int i = 0; i < 10'000; ++i) places.push_back(Place());
  for (const GeoPoint& place : places) {
    const auto [low, high] = BoundsOfGeoCell(GeoCellOf(place));
    EXPECT_LE(low.lon, place.lon);
    EXPECT_GE(high.lon, place.lon);
    EXPECT_LE(low.lat, place.lat);
    EXPECT_GE(high.lat, place.lat);
    EXPECT_LT(high.lon - low.lon, 1.7e-7);
    EXPECT_LT(high.lat - low.lat, 8.5e-8);
  }
  EXPECT_EQ(GeoCellOf({-180, -90}), 0);
  EXPECT_EQ(GeoCellOf({180, 90}), (int64_t{1} << 62) - 1);
}

TEST_F(GeoCellsTest, CoversAreas) {
  std::vector<GeoPoint> places(20'000);
  for (GeoPoint& place : places) place = Place();
  ExpectCovered({GeoBoundingBox{{-180, 90}, {180, -90}}}, places);
  ExpectCovered({GeoBoundingBox{{179, 10}, {-179, -10}}}, places);
  ExpectCovered({GeoRadius{{0, 90}, 3'000'000}}, places);
  ExpectCovered({GeoRadius{places[0], 0}}, places);
  for (int i = 0; i < 50; ++i) {
    ExpectCovered({GeoRadius{Place(), Draw(0, 2e7)}}, places);
    const GeoPoint a = Place(), b = Place(), c = Place();
    ExpectCovered({GeoPolygon{{{a, b, c, a}}, {}}}, places);
  }
}

TEST_F(GeoCellsTest, ASmallAreaHasAFineCover) {
  const auto area = GeoArea::Create({GeoRadius{{13.4, 52.5}, 100}});
  int64_t cells = 0;
  bool inside = false;
  for (const GeoCellRange& range : CoverArea(**area)) {
    cells += range.last - range.first + 1;
    inside = inside || range.inside;
  }
  EXPECT_TRUE(inside);
  // The circle has some 31,400 m², a cell there 0.0113 m by 0.0093 m.
  EXPECT_LT(static_cast<double>(cells), 2 * 31'400 / (0.0113 * 0.0093));
}

}  // namespace
}  // namespace vecnest::engine
