// A linear adaptor of embeddings: after it, the first numbers of a vector say most.
#ifndef VECNEST_EMBEDDER_ADAPTOR_H_
#define VECNEST_EMBEDDER_ADAPTOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "embedder/linear.h"

namespace vecnest::embedder {

// What an adaptor is. A vector v becomes rotation * v, which keeps every dot product and distance
// at full width. Only who takes a prefix of it, of width d, multiplies its numbers with
// scales[0..d) and then scales it to unit length.
struct AdaptorParameters {
  size_t dimensions = 0;
  std::vector<float> rotation;  // row-major [dimensions, dimensions], orthogonal
  std::vector<float> scales;    // [dimensions], positive
  std::string method;           // how it was made: "rotation", "prefixes" or "pairs"
  uint64_t samples = 0;         // vectors, or pairs of them, it was fitted on
  // Name and identity (identity.h) of the model whose vectors these were; empty: not known.
  std::string model = {};
  std::string model_identity = {};
};

// Immutable, safe from any thread.
class Adaptor {
 public:
  // More would need a matrix of more than 64 MiB.
  static constexpr size_t kMostDimensions = 4096;
  // How far a row of the rotation may be from unit length, and two rows from being orthogonal.
  static constexpr float kOrthogonalWithin = 1e-5F;
  static constexpr size_t kMostModelBytes = 256;
  // Of Encode, before the numbers.
  static constexpr size_t kMostHeaderBytes = size_t{16} << 10;

  // InvalidArgument where sizes do not fit, a number is not finite, a scale is not 0.001 to 1,000,
  // the rotation is none, the method is no short word of lower-case letters, the model's name is
  // no IsModelName or its identity no hexadecimal number. The check of the rotation multiplies it
  // with itself: milliseconds for 384 dimensions, seconds for 4,096.
  static absl::StatusOr<std::shared_ptr<const Adaptor>> Create(AdaptorParameters parameters);
  // Whether an adaptor can be known to be of a model of this name: UTF-8, and not too long.
  static bool IsModelName(std::string_view name);

  // Reads what Encode gave, to the byte. Nothing in it is trusted: InvalidArgument where it is no
  // such file or Create would refuse what it holds, DataLoss where it has changed since.
  static absl::StatusOr<std::shared_ptr<const Adaptor>> Decode(std::string_view bytes);

  // A safetensors file with the F32 tensors "rotation" and "scales". The same parameters have the
  // same bytes.
  std::string Encode() const;

  const AdaptorParameters& parameters() const { return parameters_; }
  size_t dimensions() const { return parameters_.dimensions; }

  // Hex of a hash of Encode(): what makes two adaptors the same.
  const std::string& identity() const { return identity_; }

  // Rotates the rows of `rows`, of dimensions() numbers each, into `rotated`, which has the same
  // size and does not overlap it. A row has the same bits whatever other rows there are.
  // InvalidArgument where the sizes do not fit; Unavailable (no memory) or Internal when the matrix
  // library fails.
  absl::Status Rotate(absl::Span<const float> rows, absl::Span<float> rotated) const;

 private:
  // What one running call needs.
  struct Work {
    LinearContext context;
    std::vector<float> rows;
    std::vector<float> rotated;
  };

  Adaptor(AdaptorParameters parameters, Linear linear);
  absl::Status RotateWith(Work* work, absl::Span<const float> rows, float* rotated) const;
  std::unique_ptr<Work> TakeWork() const;
  // InvalidArgument unless the rotation times its transpose is the identity.
  absl::Status CheckOrthogonal() const;

  AdaptorParameters parameters_;
  Linear linear_;
  std::string identity_;
  // Of calls that have ended. A context remembers the kernels of its layers, so that it cannot be
  // the thread's, which outlives this.
  mutable absl::Mutex mutex_;
  mutable std::vector<std::unique_ptr<Work>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_ADAPTOR_H_
