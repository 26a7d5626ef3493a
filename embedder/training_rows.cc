#include "embedder/training_rows.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "absl/status/status.h"

namespace vecnest::embedder {

absl::StatusOr<TrainingRows> TrainingRows::Create(absl::Span<const float> values, size_t dimensions,
                                                  std::string_view name) {
  if (dimensions == 0 || values.size() % dimensions != 0) {
    return absl::InvalidArgumentError(fmt::format("{}: {} numbers make no rows of {} dimensions",
                                                  name, values.size(), dimensions));
  }
  TrainingRows rows(values, dimensions);
  const size_t count = values.size() / dimensions;
  for (size_t i = 0; i < count; ++i) {
    double squares = 0;
    for (const float value : values.subspan(i * dimensions, dimensions)) {
      squares += static_cast<double>(value) * value;
    }
    if (!std::isfinite(squares)) {
      return absl::InvalidArgumentError(
          fmt::format("{}: row {} holds a number that is not finite", name, i));
    }
    const auto inverse_length = static_cast<float>(1 / std::sqrt(squares));
    const bool is_directed = std::isfinite(inverse_length);
    rows.inverse_lengths_.push_back(is_directed ? inverse_length : 0);
    if (is_directed) rows.directed_.push_back(i);
  }
  return rows;
}

void TrainingRows::CopyUnit(size_t row, float* out) const {
  const float factor = inverse_lengths_[row];
  for (const float value : Raw(row)) *out++ = value * factor;
}

size_t DrawBelow(size_t bound, std::mt19937_64* random) {
  // Draws beyond the last whole multiple of `bound` would favour small numbers.
  const uint64_t excess = (UINT64_MAX % bound + 1) % bound;
  while (true) {
    const uint64_t draw = (*random)();
    if (draw <= UINT64_MAX - excess) return draw % bound;
  }
}

Deck::Deck(size_t size) : cards_(size) { std::iota(cards_.begin(), cards_.end(), size_t{0}); }

size_t Deck::Draw(std::mt19937_64* random) {
  if (drawn_ == cards_.size()) drawn_ = 0;
  std::swap(cards_[drawn_], cards_[drawn_ + DrawBelow(cards_.size() - drawn_, random)]);
  return cards_[drawn_++];
}

}  // namespace vecnest::embedder
