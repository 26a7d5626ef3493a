// Measures how a sample of vectors lies in its space. The folder's other half, verdicts.h, says
// what that means.
#ifndef VECNEST_ENGINE_GEOMETRY_SAMPLE_GEOMETRY_H_
#define VECNEST_ENGINE_GEOMETRY_SAMPLE_GEOMETRY_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "embedder/adaptor.h"
#include "engine/evaluation/vector_matrix.h"
#include "vecnest/geometry.h"
#include "vecnest/types.h"

namespace vecnest::engine {

// Finding the eigenvalues of more takes long, and nothing ends it: 2,048 take some seconds.
inline constexpr size_t kMostGeometryDimensions = 2048;
// Of a sample; several copies are in memory at a time.
inline constexpr size_t kMostGeometryNumbers = size_t{1} << 24;

struct SampleSettings {
  Metric metric = Metric::kCosine;
  // Prefixes are scaled to unit length, and by the adaptor's scales.
  bool renormalize = true;
  const embedder::Adaptor* adaptor = nullptr;       // null: none
  uint64_t seed = 1;                                // of random pairs
  std::function<void(double share)> progress = {};  // as GeometryRequest::progress
};

// Fills all of `report` that a sample alone tells: everything but `vectors`, `prompt` and
// `verdicts`. At least two rows. Ends as `limits` say; Unavailable where memory is short.
absl::Status MeasureSample(const evaluation::VectorMatrix& sample, const SampleSettings& settings,
                           const CallLimits& limits, GeometryReport* report);

// Of a covariance's eigenvalues, in any order; none are negative.
double IsoScore(const std::vector<double>& eigenvalues);
double EffectiveRank(const std::vector<double>& eigenvalues);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_GEOMETRY_SAMPLE_GEOMETRY_H_
