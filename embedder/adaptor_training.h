// Fits an adaptor to vectors, so that prefixes of them find what the whole vectors find.
#ifndef VECNEST_EMBEDDER_ADAPTOR_TRAINING_H_
#define VECNEST_EMBEDDER_ADAPTOR_TRAINING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/adaptor.h"
#include "embedder/pair_batches.h"

namespace vecnest::embedder {

struct AdaptorTraining {
  enum class Method {
    // The vectors' principal axes, the strongest first; scales of one.
    kRotation,
    // From there on, learns from the vectors which others are near them at full width, so that
    // their prefixes are near the same ones. Needs no labels.
    kPrefixes,
  };
  // Fewer rows with a direction, or fewer pairs, are refused: they say nothing about others.
  static constexpr size_t kFewestRows = 16;

  Method method = Method::kPrefixes;
  // Whether rows count by their direction only; else a longer one has more weight in the axes.
  bool normalize = true;
  size_t threads = 0;  // 0: one per core; the result does not depend on it
  // Whose vectors these are, for AdaptorParameters.
  std::string model = {};
  std::string model_identity = {};

  // The rest is for kPrefixes and for pairs.

  // Of prefixes that shall be of use; none: DefaultWidths.
  std::vector<size_t> widths = {};
  // Of the softmax over cosines: how much nearer a vector must be to count more.
  double temperature = 0.04;
  // Of the first steps; it falls to zero as a cosine. Relative to 1 / sqrt(dimensions), which an
  // element of a rotation measures.
  double learning_rate = 0.02;
  // Scales begin as energy^(-scale_exponent / 2) of their axes. Strong axes hold what many vectors
  // have in common, which tells neighbours apart less than it counts.
  double scale_exponent = 0.15;
  int steps = 200;
  int batch = 512;  // vectors per step, of which each learns from the others
  uint64_t seed = 1;
};

// InvalidArgument: a number of `training` is out of range for vectors of so many dimensions.
absl::Status CheckTraining(const AdaptorTraining& training, size_t dimensions);

// The usual widths below `dimensions`: 32, 64, 96, 128, 192, 256, 384...; half of it, at least one,
// where there are none.
std::vector<size_t> DefaultWidths(size_t dimensions);

// Told how much of the work is done, from 0 to 1. Training ends with a status that is not OK.
using AdaptorProgress = absl::FunctionRef<absl::Status(double share_done)>;

// Fits an adaptor to rows of `dimensions` numbers. Rows of zeros are left out. The same rows and
// settings give the same bits on the same machine. InvalidArgument where the numbers make no rows,
// one is not finite, too few rows are left or settings make no sense; else what `progress` or the
// matrix library fails with.
absl::StatusOr<std::shared_ptr<const Adaptor>> TrainAdaptor(absl::Span<const float> vectors,
                                                            size_t dimensions,
                                                            const AdaptorTraining& training,
                                                            AdaptorProgress progress);

// The same with labels: from the axes of the positives, or of `collection` unless it is empty,
// learns which of the others' positives and of the negatives are not a query's. The method of
// `training` does not matter; `batch` counts pairs. On 919 pairs of one collection, prefixes from a
// quarter of the width on became better than without labels, the shortest ones worse; to learn
// beside that what kPrefixes does, with weights of 0.5 to 100, helped at no width.
absl::StatusOr<std::shared_ptr<const Adaptor>> TrainAdaptorOnPairs(
    const AdaptorPairs& pairs, absl::Span<const float> collection, size_t dimensions,
    const AdaptorTraining& training, AdaptorProgress progress);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_ADAPTOR_TRAINING_H_
