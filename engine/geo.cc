#include "engine/geo.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "fmt/format.h"

namespace vecnest::engine {
namespace {

constexpr double kMaxLongitude = 180;
constexpr double kMaxLatitude = 90;
constexpr size_t kMinRingPoints = 4;
constexpr size_t kMaxPolygonPoints = 10'000;  // each is looked at for each place near a border
// The mean radius of the ellipsoid GRS 80, which Qdrant computes with as well.
constexpr double kEarthRadius = 6371008.8;
// Farther than any distance in a plane of degrees is rounded.
constexpr double kDegreesRounding = 1e-9;

double Radians(double degrees) { return degrees * (std::numbers::pi / 180); }

// False for NaN, too.
bool IsWithin(double value, double limit) { return value >= -limit && value <= limit; }

GeoPoint MiddleOf(const GeoRectangle& rectangle) {
  return {std::midpoint(rectangle.south_west.lon, rectangle.north_east.lon),
          std::midpoint(rectangle.south_west.lat, rectangle.north_east.lat)};
}

bool Disjoint(const GeoRectangle& a, const GeoRectangle& b) {
  return a.north_east.lon < b.south_west.lon || b.north_east.lon < a.south_west.lon ||
         a.north_east.lat < b.south_west.lat || b.north_east.lat < a.south_west.lat;
}

absl::Status CheckDegrees(std::string_view path, double value, double limit) {
  if (IsWithin(value, limit)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{}: expected a number from {} to {}, got {}", path, -limit, limit, value));
}

absl::Status CheckPoint(const std::string& path, const GeoPoint& point) {
  if (auto status = CheckDegrees(path + ".lon", point.lon, kMaxLongitude); !status.ok()) {
    return status;
  }
  return CheckDegrees(path + ".lat", point.lat, kMaxLatitude);
}

class Box : public GeoArea {
 public:
  explicit Box(const GeoBoundingBox& box)
      : left_(box.top_left.lon),
        right_(box.bottom_right.lon),
        bottom_(box.bottom_right.lat),
        top_(box.top_left.lat) {}

  static absl::Status Check(const GeoBoundingBox& box) {
    if (auto status = CheckPoint("top_left", box.top_left); !status.ok()) return status;
    if (auto status = CheckPoint("bottom_right", box.bottom_right); !status.ok()) return status;
    if (box.top_left.lat >= box.bottom_right.lat) return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("top_left.lat: expected at least bottom_right.lat, {}, got {}",
                    box.bottom_right.lat, box.top_left.lat));
  }

  bool Contains(const GeoPoint& point) const override {
    return RelationTo({point, point}) == GeoRelation::kInside;
  }

  GeoRelation RelationTo(const GeoRectangle& rectangle) const override {
    const auto& [low, high] = rectangle;
    const bool crosses = left_ > right_;
    const bool in_longitude =
        crosses ? low.lon >= left_ || high.lon <= right_ : low.lon >= left_ && high.lon <= right_;
    const bool off_longitude =
        crosses ? high.lon < left_ && low.lon > right_ : high.lon < left_ || low.lon > right_;
    if (off_longitude || high.lat < bottom_ || low.lat > top_) return GeoRelation::kOutside;
    return in_longitude && low.lat >= bottom_ && high.lat <= top_ ? GeoRelation::kInside
                                                                  : GeoRelation::kUndecided;
  }

 private:
  const double left_, right_, bottom_, top_;
};

class Circle : public GeoArea {
 public:
  explicit Circle(const GeoRadius& circle) : center_(circle.center), radius_(circle.radius) {}

  static absl::Status Check(const GeoRadius& circle) {
    if (auto status = CheckPoint("center", circle.center); !status.ok()) return status;
    if (std::isfinite(circle.radius) && circle.radius >= 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("radius: expected metres, 0 or more, got {}", circle.radius));
  }

  bool Contains(const GeoPoint& point) const override { return DistanceTo(point) <= radius_; }

  GeoRelation RelationTo(const GeoRectangle& rectangle) const override {
    const GeoPoint middle = MiddleOf(rectangle);
    // No point is farther from the middle than along its parallel and then along a meridian.
    const double reach =
        kEarthRadius * (Radians(middle.lat - rectangle.south_west.lat) +
                        Radians(middle.lon - rectangle.south_west.lon) * CosineOf(middle));
    const double distance = DistanceTo(middle);
    const double margin = reach + RoundingOf(distance + reach);
    if (distance + margin <= radius_) return GeoRelation::kInside;
    return distance - margin > radius_ ? GeoRelation::kOutside : GeoRelation::kUndecided;
  }

 private:
  static double CosineOf(const GeoPoint& point) { return std::cos(Radians(point.lat)); }
  // More than distances to points nearby are rounded. Where arcsine is steep, near the point on the
  // other side of the earth, 16 digits of its argument are some decimetres.
  static double RoundingOf(double distance) { return distance < kEarthRadius ? 1e-3 : 1; }

  double DistanceTo(const GeoPoint& point) const {
    const double over_lat = std::sin(Radians(point.lat - center_.lat) / 2);
    const double over_lon = std::sin(Radians(point.lon - center_.lon) / 2);
    const double haversine =
        over_lat * over_lat + CosineOf(center_) * CosineOf(point) * over_lon * over_lon;
    return 2 * kEarthRadius * std::asin(std::sqrt(std::min(haversine, 1.0)));
  }

  const GeoPoint center_;
  const double radius_;
};

class Polygon : public GeoArea {
 public:
  explicit Polygon(const GeoPolygon& polygon) : polygon_(polygon) {
    const auto by_lon = [](const GeoPoint& a, const GeoPoint& b) { return a.lon < b.lon; };
    const auto by_lat = [](const GeoPoint& a, const GeoPoint& b) { return a.lat < b.lat; };
    const auto& points = polygon_.exterior.points;
    const auto [west, east] = std::minmax_element(points.begin(), points.end(), by_lon);
    const auto [south, north] = std::minmax_element(points.begin(), points.end(), by_lat);
    bounds_ = {{west->lon, south->lat}, {east->lon, north->lat}};
  }

  static absl::Status Check(const GeoPolygon& polygon) {
    size_t points = polygon.exterior.points.size();
    for (const GeoPolygon::Ring& ring : polygon.interiors) points += ring.points.size();
    if (points > kMaxPolygonPoints) {
      return absl::InvalidArgumentError(fmt::format(
          "exterior and interiors: {} points, expected at most {}", points, kMaxPolygonPoints));
    }
    auto status = CheckRing("exterior", polygon.exterior);
    for (size_t i = 0; i < polygon.interiors.size() && status.ok(); ++i) {
      status = CheckRing(fmt::format("interiors[{}]", i), polygon.interiors[i]);
    }
    return status;
  }

  bool Contains(const GeoPoint& point) const override {
    if (Disjoint(bounds_, {point, point})) return false;
    return SideOf(polygon_.exterior, point) != Side::kOutside &&
           std::none_of(
               polygon_.interiors.begin(), polygon_.interiors.end(),
               [&](const GeoPolygon::Ring& hole) { return SideOf(hole, point) == Side::kInside; });
  }

  GeoRelation RelationTo(const GeoRectangle& rectangle) const override {
    if (Disjoint(bounds_, rectangle)) return GeoRelation::kOutside;
    const GeoPoint middle = MiddleOf(rectangle);
    const double reach =
        std::hypot(middle.lon - rectangle.south_west.lon, middle.lat - rectangle.south_west.lat) +
        kDegreesRounding;
    const auto near = [&](const GeoPolygon::Ring& ring) { return IsNear(ring, middle, reach); };
    if (near(polygon_.exterior) ||
        std::any_of(polygon_.interiors.begin(), polygon_.interiors.end(), near)) {
      return GeoRelation::kUndecided;
    }
    return Contains(middle) ? GeoRelation::kInside : GeoRelation::kOutside;
  }

 private:
  enum class Side { kInside, kOutside, kBorder };

  static absl::Status CheckRing(const std::string& path, const GeoPolygon::Ring& ring) {
    const auto& points = ring.points;
    if (points.size() < kMinRingPoints) {
      return absl::InvalidArgumentError(fmt::format(
          "{}.points: expected at least {} points, got {}", path, kMinRingPoints, points.size()));
    }
    for (size_t i = 0; i < points.size(); ++i) {
      auto status = CheckPoint(fmt::format("{}.points[{}]", path, i), points[i]);
      if (!status.ok()) return status;
    }
    if (points.front() == points.back()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("{}.points: expected a closed ring, whose last point is its first", path));
  }

  // Twice the area of the triangle: positive when `point` lies left of the way from `a` to `b`.
  static double Turn(const GeoPoint& a, const GeoPoint& b, const GeoPoint& point) {
    return (b.lon - a.lon) * (point.lat - a.lat) - (b.lat - a.lat) * (point.lon - a.lon);
  }

  // By the winding number: how often the ring passes east of the point to the north, less how often
  // to the south.
  static Side SideOf(const GeoPolygon::Ring& ring, const GeoPoint& point) {
    int winding = 0;
    for (size_t i = 1; i < ring.points.size(); ++i) {
      const GeoPoint& a = ring.points[i - 1];
      const GeoPoint& b = ring.points[i];
      const auto [south, north] = std::minmax(a.lat, b.lat);
      if (point.lat < south || point.lat > north) continue;
      const double turn = Turn(a, b, point);
      const auto [west, east] = std::minmax(a.lon, b.lon);
      if (turn == 0 && point.lon >= west && point.lon <= east) return Side::kBorder;
      if (a.lat <= point.lat && b.lat > point.lat && turn > 0) ++winding;
      if (b.lat <= point.lat && a.lat > point.lat && turn < 0) --winding;
    }
    return winding == 0 ? Side::kOutside : Side::kInside;
  }

  static bool IsNear(const GeoPolygon::Ring& ring, const GeoPoint& point, double reach) {
    for (size_t i = 1; i < ring.points.size(); ++i) {
      const GeoPoint& a = ring.points[i - 1];
      const double lon = ring.points[i].lon - a.lon;
      const double lat = ring.points[i].lat - a.lat;
      const double length = lon * lon + lat * lat;
      const double along = (point.lon - a.lon) * lon + (point.lat - a.lat) * lat;
      const double share = length > 0 ? std::clamp(along / length, 0.0, 1.0) : 0;
      const double off_lon = point.lon - a.lon - share * lon;
      const double off_lat = point.lat - a.lat - share * lat;
      if (off_lon * off_lon + off_lat * off_lat <= reach * reach) return true;
    }
    return false;
  }

  const GeoPolygon polygon_;
  GeoRectangle bounds_;
};

template <typename Area, typename Shape>
absl::StatusOr<std::unique_ptr<const GeoArea>> Make(const Shape& shape) {
  if (auto status = Area::Check(shape); !status.ok()) return status;
  return std::make_unique<const Area>(shape);
}

}  // namespace

std::optional<GeoPoint> ReadGeoPoint(const Json& value) {
  if (!value.is_object()) return std::nullopt;
  const auto lon = value.find("lon");
  const auto lat = value.find("lat");
  if (lon == value.end() || lat == value.end() || !lon->is_number() || !lat->is_number()) {
    return std::nullopt;
  }
  const GeoPoint point{lon->get<double>(), lat->get<double>()};
  if (!IsWithin(point.lon, kMaxLongitude) || !IsWithin(point.lat, kMaxLatitude)) {
    return std::nullopt;
  }
  return point;
}

absl::StatusOr<std::unique_ptr<const GeoArea>> GeoArea::Create(const GeoCondition& condition) {
  if (const auto* box = std::get_if<GeoBoundingBox>(&condition.area)) return Make<Box>(*box);
  if (const auto* circle = std::get_if<GeoRadius>(&condition.area)) return Make<Circle>(*circle);
  return Make<Polygon>(std::get<GeoPolygon>(condition.area));
}

}  // namespace vecnest::engine
