// Conditions on payload and id, in the shape of Qdrant's filters.
#ifndef VECNEST_FILTER_H_
#define VECNEST_FILTER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vecnest/types.h"

namespace vecnest {

struct Filter;

using MatchValue = std::variant<bool, int64_t, std::string>;

// The value, or one element of it when it is a list, equals `value`.
struct MatchCondition {
  MatchValue value;
};
// ... equals one of `values`.
struct MatchAnyCondition {
  std::vector<MatchValue> values;
};
// ... is there and differs from all of `values`.
struct MatchExceptCondition {
  std::vector<MatchValue> values;
};
// ... is a string that contains `text` letter by letter.
struct MatchTextCondition {
  std::string text;
};
// ... is a number within the bounds that are set.
struct RangeCondition {
  std::optional<double> gt, gte, lt, lte;
};
// ... is an RFC 3339 date-time (or date) within the bounds, which are microseconds since 1970 UTC.
struct DatetimeRangeCondition {
  std::optional<int64_t> gt, gte, lt, lte;
};
// The number of elements of the value (a list: its length; null or missing: 0; other: 1).
struct ValuesCountCondition {
  std::optional<int64_t> gt, gte, lt, lte;
};

// A place on the earth in degrees, -180 to 180 and -90 to 90. In a payload: {"lon": 13.4,
// "lat": 52.5}; other members do not matter. Values outside of these bounds are no places.
struct GeoPoint {
  double lon = 0;
  double lat = 0;
  friend bool operator==(const GeoPoint&, const GeoPoint&) = default;
};
// Between two parallels and two meridians. When `top_left` lies east of `bottom_right`, the box
// crosses the antimeridian.
struct GeoBoundingBox {
  GeoPoint top_left;
  GeoPoint bottom_right;
};
// At most `radius` metres from `center` along a great circle (haversine), on a sphere with the
// earth's mean radius of 6,371,008.8 m.
struct GeoRadius {
  GeoPoint center;
  double radius = 0;
};
// Within `exterior` but in none of the holes `interiors`. Degrees are taken for coordinates of a
// plane, where sides are straight lines; no side crosses the antimeridian. A ring has at least four
// points, the last one being the first again; where it crosses itself, what it goes round more
// often one way than the other lies within.
struct GeoPolygon {
  struct Ring {
    std::vector<GeoPoint> points;
  };
  Ring exterior;
  std::vector<Ring> interiors;
};
// ... is a place in the area or on its border (the border of a hole, too). What the areas above do
// not allow is InvalidArgument: degrees out of bounds, a box with its top below its bottom, a
// radius that is negative or not finite, a ring that is too short or open, or 10,000 points of a
// polygon.
struct GeoCondition {
  std::variant<GeoBoundingBox, GeoRadius, GeoPolygon> area;
};

// The key is missing, null or an empty list.
struct IsEmptyCondition {};
// The key is there and null.
struct IsNullCondition {};

// A condition on the payload value under `key`: a path of names joined by dots. "name[]" reads
// every element of the list under "name", "name[2]" one of them; a list in the middle of a path is
// entered without being asked to.
struct FieldCondition {
  std::string key;
  std::variant<MatchCondition, MatchAnyCondition, MatchExceptCondition, MatchTextCondition,
               RangeCondition, DatetimeRangeCondition, GeoCondition, ValuesCountCondition,
               IsEmptyCondition, IsNullCondition>
      test;
};

struct HasIdCondition {
  std::vector<PointId> ids;
};
// The point has a vector of this name.
struct HasVectorCondition {
  std::string name;
};
// One element of the list of objects under `key` fulfils the whole filter by itself.
struct NestedCondition {
  std::string key;
  std::shared_ptr<const Filter> filter;
};

using Condition = std::variant<FieldCondition, HasIdCondition, HasVectorCondition, NestedCondition,
                               std::shared_ptr<const Filter>>;

// True when every condition of `must`, at least one of `should` (when there are any), at least
// min_should.min_count of `min_should` and none of `must_not` holds. An empty filter is true.
struct Filter {
  struct MinShould {
    std::vector<Condition> conditions;
    size_t min_count = 0;
  };
  std::vector<Condition> must;
  std::vector<Condition> should;
  std::vector<Condition> must_not;
  std::optional<MinShould> min_should;
};

}  // namespace vecnest

#endif  // VECNEST_FILTER_H_
