// Payload indexes and facets, between JSON (Qdrant's dialect) and engine types.
#ifndef VECNEST_NET_CODEC_INDEX_H_
#define VECNEST_NET_CODEC_INDEX_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "net/json_fields.h"
#include "vecnest/database.h"

namespace vecnest::net {

struct IndexRequest {
  std::string field;
  PayloadIndexConfig config;
};

// {"field_name": "...", "field_schema": "keyword" | {"type": "keyword", ...}}. Options of a type
// are kept and shown; they change no answer. Does nothing once `status` is an error.
IndexRequest ReadIndexRequest(const Json& body, absl::Status& status);

// {"key": "...", "limit": 10, "filter": {...}}
FacetRequest ReadFacetRequest(const Json& body, absl::Status& status);

Json WriteFacetHits(const std::vector<FacetHit>& hits);
// "payload_schema" of a collection.
Json WritePayloadSchema(const std::map<std::string, PayloadIndexInfo>& indexes);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_INDEX_H_
