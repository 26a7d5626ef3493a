#include "embedder/inspection/token_scores.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "embedder/architecture.h"
#include "embedder/inspection/hidden_layers.h"
#include "embedder/output_head.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

// Scored together: 16 rows of 30,522 scores take 2 MB.
constexpr size_t kPositions = 16;

std::vector<ScoredToken> BestTokens(absl::Span<const float> scores, size_t limit) {
  std::vector<int32_t> ids(scores.size());
  std::iota(ids.begin(), ids.end(), 0);
  limit = std::min(limit, ids.size());
  std::partial_sort(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(limit), ids.end(),
                    [&](int32_t a, int32_t b) {
                      const float x = scores[static_cast<size_t>(a)];
                      const float y = scores[static_cast<size_t>(b)];
                      return x != y ? x > y : a < b;
                    });
  const double largest = scores[static_cast<size_t>(ids.front())];
  double sum = 0;
  for (const float score : scores) sum += std::exp(score - largest);
  std::vector<ScoredToken> best;
  for (size_t i = 0; i < limit; ++i) {
    const float score = scores[static_cast<size_t>(ids[i])];
    best.push_back({ids[i], score, static_cast<float>(std::exp(score - largest) / sum)});
  }
  return best;
}

}  // namespace

absl::StatusOr<TokenScores> ScoreTokens(const Encoder& encoder, absl::Span<const float> states,
                                        bool all_positions, size_t limit,
                                        const CallControl& control) {
  VECNEST_RETURN_IF_ERROR(ExpectLayers(encoder));
  const Architecture& architecture = *encoder.parts().architecture;
  const size_t width = architecture.shape().width;
  const size_t tokens = architecture.shape().vocabulary;
  const size_t count = states.size() / width;
  TokenScores result;
  const auto start = std::chrono::steady_clock::now();
  std::vector<float> scores;
  for (size_t first = all_positions ? 0 : count - 1; first < count; first += kPositions) {
    VECNEST_RETURN_IF_ERROR(control.Check());
    const size_t rows = std::min(kPositions, count - first);
    scores.resize(rows * tokens);
    VECNEST_RETURN_IF_ERROR(
        architecture.output_head()->Score(states.data() + first * width, rows, scores.data()));
    for (size_t r = 0; r < rows; ++r) {
      const absl::Span<const float> row = absl::MakeConstSpan(scores).subspan(r * tokens, tokens);
      result.positions.push_back({first + r, BestTokens(row, limit)});
    }
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace vecnest::embedder
