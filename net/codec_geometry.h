// The geometry of a collection as JSON.
#ifndef VECNEST_NET_CODEC_GEOMETRY_H_
#define VECNEST_NET_CODEC_GEOMETRY_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "net/json_fields.h"
#include "vecnest/geometry.h"

namespace vecnest::net {

// Of the parameters "vector", "samples", "seed" and "field" of a request. InvalidArgument names the
// one that is no number.
absl::StatusOr<GeometryRequest> ReadGeometryRequest(
    const std::map<std::string, std::string>& parameters);

Json WriteGeometry(const GeometryReport& report);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_GEOMETRY_H_
