// The vectors that an adaptor is fitted on.
#ifndef VECNEST_EMBEDDER_TRAINING_ROWS_H_
#define VECNEST_EMBEDDER_TRAINING_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace vecnest::embedder {

// A view of rows of equal width, of which those without a direction are left out.
class TrainingRows {
 public:
  // InvalidArgument where the numbers make no rows of `dimensions`, or one is not finite. `name`
  // is what errors call them: "vectors".
  static absl::StatusOr<TrainingRows> Create(absl::Span<const float> values, size_t dimensions,
                                             std::string_view name);

  size_t size() const { return rows_.size(); }
  size_t dimensions() const { return dimensions_; }

  // Row `index` below size(), as it is or scaled to unit length.
  const float* Raw(size_t index) const { return values_.data() + rows_[index] * dimensions_; }
  void CopyUnit(size_t index, float* out) const;

 private:
  TrainingRows(absl::Span<const float> values, size_t dimensions)
      : values_(values), dimensions_(dimensions) {}

  absl::Span<const float> values_;
  size_t dimensions_;
  std::vector<size_t> rows_;            // those with a direction
  std::vector<float> inverse_lengths_;  // theirs
};

// A number below `bound`, each as likely, from whole 64-bit draws: unlike the standard library's
// distributions it is the same everywhere.
size_t DrawBelow(size_t bound, std::mt19937_64* random);

// Draws members of 0..size without repeating one before all were drawn.
class Deck {
 public:
  explicit Deck(size_t size);
  size_t Draw(std::mt19937_64* random);

 private:
  std::vector<size_t> cards_;
  size_t drawn_ = 0;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_TRAINING_ROWS_H_
