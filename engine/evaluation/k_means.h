// Clusters of vectors by Lloyd's algorithm from k-means++ seeds (Arthur and Vassilvitskii, 2007).
#ifndef VECNEST_ENGINE_EVALUATION_K_MEANS_H_
#define VECNEST_ENGINE_EVALUATION_K_MEANS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/evaluation/vector_matrix.h"

namespace vecnest::engine::evaluation {

struct KMeansOptions {
  size_t clusters = 8;
  size_t runs = 10;  // from seeds of their own; the one of least inertia is kept
  size_t max_iterations = 300;
  // A run ends when the centers moved by less, squared, as a share of the components' mean
  // variance.
  double tolerance = 1e-4;
  uint64_t seed = 1;
  size_t threads = 0;
};

struct Clusters {
  std::vector<uint32_t> of;  // the cluster of every vector
  double inertia = 0;        // sum of squared distances to the means of the clusters
};

// As scikit-learn's KMeans with these options: each seed is the best of 2 + ln k candidates, and a
// cluster that lost its members takes the vector farthest from its center. Results do not depend on
// the number of threads. InvalidArgument: fewer vectors than clusters. Cancelled and
// DeadlineExceeded as `limits` say.
absl::StatusOr<Clusters> KMeans(const VectorMatrix& vectors, const KMeansOptions& options,
                                const CallLimits& limits);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_K_MEANS_H_
