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

// A view of rows of equal width.
class TrainingRows {
 public:
  // InvalidArgument where the numbers make no rows of `dimensions`, or one is not finite. `name`
  // is what errors call them: "vectors".
  static absl::StatusOr<TrainingRows> Create(absl::Span<const float> values, size_t dimensions,
                                             std::string_view name);

  size_t dimensions() const { return dimensions_; }
  size_t size() const { return inverse_lengths_.size(); }
  // The rows that are not zero, ascending: only these can be learned from.
  const std::vector<size_t>& directed() const { return directed_; }
  bool IsDirected(size_t row) const { return inverse_lengths_[row] > 0; }

  absl::Span<const float> Raw(size_t row) const {
    return values_.subspan(row * dimensions_, dimensions_);
  }
  // The row scaled to unit length; zeros stay zeros.
  void CopyUnit(size_t row, float* out) const;

 private:
  TrainingRows(absl::Span<const float> values, size_t dimensions)
      : values_(values), dimensions_(dimensions) {}

  absl::Span<const float> values_;
  size_t dimensions_;
  std::vector<float> inverse_lengths_;  // 0 of rows without a direction
  std::vector<size_t> directed_;
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
