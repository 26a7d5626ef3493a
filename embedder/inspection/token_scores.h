// Hidden states back to tokens: which ones does the model see at a position?
#ifndef VECNEST_EMBEDDER_INSPECTION_TOKEN_SCORES_H_
#define VECNEST_EMBEDDER_INSPECTION_TOKEN_SCORES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/call_control.h"
#include "embedder/encoder.h"

namespace vecnest::embedder {

struct ScoredToken {
  int32_t id = 0;
  float score = 0;        // a logit where the model has a trained head, else a dot product
  float probability = 0;  // softmax over all scores
};

struct PositionScores {
  size_t position = 0;
  std::vector<ScoredToken> best;  // equal scores in the order of ids
};

struct TokenScores {
  std::vector<PositionScores> positions;
  double seconds = 0;  // of scoring, without the forward pass
};

// The `limit` best tokens at the last position of one sequence, or at all of them. `states`: of its
// last layer, row-major. FailedPrecondition for a model without layers.
absl::StatusOr<TokenScores> ScoreTokens(const Encoder& encoder, absl::Span<const float> states,
                                        bool all_positions, size_t limit,
                                        const CallControl& control);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_INSPECTION_TOKEN_SCORES_H_
