// Queries and their answers, between JSON (Qdrant's dialect) and engine types.
#ifndef VECNEST_NET_CODEC_QUERY_H_
#define VECNEST_NET_CODEC_QUERY_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "net/codec_points.h"
#include "net/json_fields.h"
#include "vecnest/query.h"

namespace vecnest::net {

// The body of POST …/points/query.
Query ReadQuery(const Json& body, std::string_view path, absl::Status& status);
// The body of POST …/points/query/batch: {"searches": [...]}.
std::vector<Query> ReadQueryBatch(const Json& body, absl::Status& status);
// The body of POST …/points/search, the older form of a query by vector.
Query ReadSearch(const Json& body, std::string_view path, absl::Status& status);
std::vector<Query> ReadSearchBatch(const Json& body, absl::Status& status);

// {"points": [...]} and, where it was asked for, "plan".
Json WriteAnswer(const QueryAnswer& answer, const UnitLength& unit_length);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_QUERY_H_
