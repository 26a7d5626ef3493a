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

// What may be packed when the bodies below are parsed (engine::ParseJson).
inline constexpr std::string_view kQueryVectors[] = {"query", "nearest", "vector"};
inline constexpr engine::PackedLists kPackedInQueries{kQueryVectors, false, {}};

// The body of POST …/points/query.
Query ReadQuery(const Json& body, std::string_view path, absl::Status& status);
// The body of POST …/points/query/batch: {"searches": [...]}.
std::vector<Query> ReadQueryBatch(const Json& body, absl::Status& status);
// The body of POST …/points/search, the older form of a query by vector.
Query ReadSearch(const Json& body, std::string_view path, absl::Status& status);
std::vector<Query> ReadSearchBatch(const Json& body, absl::Status& status);

// Append JSON to `text`: the list of points found; {"points": [...]} with it and, where there are
// such, "plan" and "text".
void AppendFound(const QueryAnswer& answer, const UnitLength& unit_length, std::string& text);
void AppendAnswer(const QueryAnswer& answer, const UnitLength& unit_length, std::string& text);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_QUERY_H_
