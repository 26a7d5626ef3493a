// What models read for a request: for its answer and for the log.
#ifndef VECNEST_NET_CODEC_USAGE_H_
#define VECNEST_NET_CODEC_USAGE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "net/json_fields.h"
#include "vecnest/types.h"

namespace vecnest::net {

// Adds `more` to the entries of the same model and prefix.
void AddUsage(const std::vector<ModelUsage>& more, std::vector<ModelUsage>& sum);

uint64_t TokensOf(const std::vector<ModelUsage>& usage);

// Qdrant's shape with members of our own, which its clients pass over:
// {"inference": {"models": {NAME: {"tokens", "texts", "truncated", "max_tokens", "identity",
// "prefixes"}}}}
Json WriteUsage(const std::vector<ModelUsage>& usage);

// What another server wrote; what is not of this shape is left out.
std::vector<ModelUsage> ReadUsage(const Json& usage);

// The same for one text of a query: {"tokens", "truncated", "max_tokens", "model", "identity",
// "prefix"}
Json WriteTextUsage(const ModelUsage& usage);

// One line in the log for each model that cut texts of a request; `target` is what was written.
void LogTruncated(std::string_view target, const std::vector<ModelUsage>& usage);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_USAGE_H_
