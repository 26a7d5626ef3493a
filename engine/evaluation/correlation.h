// Correlation of two lists of numbers.
#ifndef VECNEST_ENGINE_EVALUATION_CORRELATION_H_
#define VECNEST_ENGINE_EVALUATION_CORRELATION_H_

#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace vecnest::engine::evaluation {

// Both take lists of one length and give -1 .. 1, or nothing where it is not defined: fewer than
// two numbers, or a list whose numbers are all equal.

// Of the numbers themselves.
std::optional<double> Pearson(absl::Span<const double> a, absl::Span<const double> b);
// Of their ranks; equal numbers share the mean of theirs.
std::optional<double> Spearman(absl::Span<const double> a, absl::Span<const double> b);

// Of numbers of which there is one.
double Mean(absl::Span<const double> values);

// Ranks from 1; equal numbers share the mean of theirs.
std::vector<double> AverageRanks(absl::Span<const double> values);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_CORRELATION_H_
