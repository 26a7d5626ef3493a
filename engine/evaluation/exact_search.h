// Nearest neighbours by looking at every vector.
#ifndef VECNEST_ENGINE_EVALUATION_EXACT_SEARCH_H_
#define VECNEST_ENGINE_EVALUATION_EXACT_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/evaluation/vector_matrix.h"

namespace vecnest::engine::evaluation {

struct ExactSearch {
  Metric metric = Metric::kCosine;
  size_t limit = 10;  // nearest that are kept, or all when there are fewer
  size_t threads = 0;
  // Of equal rows the one with the smaller number here comes first; none: the smaller row.
  absl::Span<const uint32_t> tie_order = {};
};

// The rows nearest to one query, best first. Called from several threads, once for every query.
using NearestSink = absl::FunctionRef<void(size_t query, absl::Span<const uint32_t> nearest)>;

// The bytes that a search of so many rows takes beside the vectors, on so many threads.
size_t ExactSearchBytes(size_t rows, size_t threads);

// Scores are the product's own (index/scorer.h), in f32. Both matrices have one width. Cancelled
// and DeadlineExceeded as `limits` say.
absl::Status SearchExactly(const VectorMatrix& queries, const VectorMatrix& rows,
                           const ExactSearch& search, const CallLimits& limits, NearestSink sink);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_EXACT_SEARCH_H_
