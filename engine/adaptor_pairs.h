// The pairs of a request as the vectors that an adaptor learns from.
#ifndef VECNEST_ENGINE_ADAPTOR_PAIRS_H_
#define VECNEST_ENGINE_ADAPTOR_PAIRS_H_

#include <cstddef>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "embedder/pair_batches.h"
#include "engine/models.h"
#include "engine/shard.h"
#include "vecnest/adapt.h"

namespace vecnest::engine {

struct PairVectors {
  // Rows one after the other, as AdaptorPairs has them.
  std::vector<float> queries;
  std::vector<float> positives;
  std::vector<float> negatives;
  size_t negatives_per_pair = 0;

  // Of this, which outlives it.
  embedder::AdaptorPairs View() const {
    return {queries, positives, negatives, negatives_per_pair};
  }
};

// InvalidArgument: too few or too many pairs, vectors of another width, or not all pairs have as
// many negatives.
absl::Status CheckPairs(const Definition& definition, Slot slot,
                        const std::vector<AdaptPair>& pairs);

// Encodes texts and looks up points. `progress` is told the share that is done, and ends it with a
// status that is not OK. NotFound: a point has no such vector; else what encoding fails with.
// Errors name the pair, counted from 1.
absl::StatusOr<PairVectors> ReadPairs(const Shard& shard, Slot slot, const LoadedModels& models,
                                      const std::vector<AdaptPair>& pairs,
                                      absl::FunctionRef<absl::Status(double share)> progress);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_ADAPTOR_PAIRS_H_
