// Similarity measures between vectors.
#ifndef VECNEST_INDEX_METRIC_H_
#define VECNEST_INDEX_METRIC_H_

namespace vecnest::index {

// Scores are reported as users know them: cosine and dot are similarities (larger is nearer),
// Euclid (the root of the summed squares) and Manhattan are distances (smaller is nearer).
enum class Metric { kCosine, kDot, kEuclid, kManhattan };

constexpr bool LargerIsNearer(Metric metric) {
  return metric == Metric::kCosine || metric == Metric::kDot;
}

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_METRIC_H_
