// Areas on the earth, and what lies in them.
#ifndef VECNEST_ENGINE_GEO_H_
#define VECNEST_ENGINE_GEO_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "engine/json.h"
#include "vecnest/filter.h"

namespace vecnest::engine {

// Nothing: the value is no place.
std::optional<GeoPoint> ReadGeoPoint(const Json& value);

// All points between two corners; it does not cross the antimeridian.
struct GeoRectangle {
  GeoPoint south_west;
  GeoPoint north_east;
};

enum class GeoRelation { kInside, kOutside, kUndecided };

// Immutable, thread-safe.
class GeoArea {
 public:
  virtual ~GeoArea() = default;

  // InvalidArgument: what GeoCondition says. The message begins with the member that is wrong, as
  // requests name it: "exterior.points[2].lat: …".
  static absl::StatusOr<std::unique_ptr<const GeoArea>> Create(const GeoCondition& condition);

  virtual bool Contains(const GeoPoint& point) const = 0;

  // kInside: the area contains every point of the rectangle; kOutside: none. Both are certain,
  // whatever Contains rounds. kUndecided: the border is near.
  virtual GeoRelation RelationTo(const GeoRectangle& rectangle) const = 0;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_GEO_H_
