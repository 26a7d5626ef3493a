// Adapting a collection, between JSON and engine types.
#ifndef VECNEST_NET_CODEC_ADAPT_H_
#define VECNEST_NET_CODEC_ADAPT_H_

#include "absl/status/status.h"
#include "net/json_fields.h"
#include "vecnest/adapt.h"

namespace vecnest::net {

// {"vector": "", "method": "prefixes", "samples": 20000, "seed": 1}, all optional. Does nothing
// once `status` is an error.
AdaptRequest ReadAdaptRequest(const Json& body, absl::Status& status);
Json WriteAdaptRequest(const AdaptRequest& request);

// {"phase", "progress", "seconds", "request"}, "made" once something was learned, "error" when it
// failed.
Json WriteAdaptJob(const AdaptJob& job);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_ADAPT_H_
