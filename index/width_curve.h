// What a search at fewer dimensions keeps of the answer at all of them, and what it reads.
#ifndef VECNEST_INDEX_WIDTH_CURVE_H_
#define VECNEST_INDEX_WIDTH_CURVE_H_

#include <cstddef>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/vector_index.h"

namespace vecnest::index {

// Means over the queries.
struct WidthPoint {
  size_t dimensions = 0;
  double recall = 0;   // of the ten nearest at the full width, by an exact scan
  double bytes = 0;    // read for one query
  double seconds = 0;  // that one query took, on one thread
};

struct WidthCurve {
  size_t queries = 0;
  std::vector<WidthPoint> widths;  // ascending, the full width last
};

// Takes up to `queries` of the index's own vectors for queries, each left out of its answers, and
// searches for them at 8, 16, 32, 64, ... dimensions with default parameters, by `metric`. The
// exact answers cost one scan a query. `check` is asked before each search: what it returns, when
// not OK, ends the measurement. An index without two vectors has a curve of no queries and no
// widths. Thread-safe.
absl::StatusOr<WidthCurve> MeasureWidths(const VectorIndex& index, size_t queries, Metric metric,
                                         absl::FunctionRef<absl::Status()> check);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_WIDTH_CURVE_H_
