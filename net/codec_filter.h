// Filters and point ids, from JSON.
#ifndef VECNEST_NET_CODEC_FILTER_H_
#define VECNEST_NET_CODEC_FILTER_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "net/json_fields.h"
#include "vecnest/filter.h"

namespace vecnest::net {

// All of these do nothing and return nothing (or an empty value) once `status` is an error.

std::optional<PointId> ReadPointId(const Json& value, std::string_view path, absl::Status& status);
std::vector<PointId> ReadPointIds(const Json& value, std::string_view path, absl::Status& status);
Json WritePointId(const PointId& id);

Filter ReadFilter(const Json& value, std::string_view path, absl::Status& status);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_FILTER_H_
