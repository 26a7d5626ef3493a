// Which architectures there are.
#ifndef VECNEST_EMBEDDER_REGISTRY_H_
#define VECNEST_EMBEDDER_REGISTRY_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "embedder/architecture.h"
#include "embedder/json.h"
#include "embedder/precision.h"
#include "embedder/safetensors.h"

namespace vecnest::embedder {

// Builds the network that `model_type` (see ModelConfig::architecture) names. InvalidArgument for a
// name that is not registered (the message lists those that are), and whatever the network's own
// loader finds.
absl::StatusOr<std::unique_ptr<const Architecture>> CreateArchitecture(std::string_view model_type,
                                                                       const Json& config,
                                                                       const SafeTensors& weights,
                                                                       Precision precision);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_REGISTRY_H_
