// Collections, between JSON (Qdrant's dialect) and engine types.
#ifndef VECNEST_NET_CODEC_COLLECTION_H_
#define VECNEST_NET_CODEC_COLLECTION_H_

#include "absl/status/status.h"
#include "net/json_fields.h"
#include "vecnest/collection.h"

namespace vecnest::net {

// The body of PUT /collections/{c}.
CollectionConfig ReadCollectionConfig(const Json& body, absl::Status& status);

// The body of PATCH /collections/{c}: {"vectors": {"<name>": {"distance": "Dot"}}}.
CollectionUpdate ReadCollectionUpdate(const Json& body, absl::Status& status);

// The result of GET /collections/{c}.
Json WriteCollectionInfo(const CollectionInfo& info);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_COLLECTION_H_
