// Scores of predictions beside labels, as scikit-learn defines them. Labels are small numbers.
#ifndef VECNEST_ENGINE_EVALUATION_LABEL_SCORES_H_
#define VECNEST_ENGINE_EVALUATION_LABEL_SCORES_H_

#include <cstdint>

#include "absl/types/span.h"

namespace vecnest::engine::evaluation {

// The mean precision over the recall steps that a falling threshold of `scores` makes (equal scores
// make one); `relevant` says yes or no. Needs at least one yes.
double AveragePrecision(absl::Span<const double> scores, absl::Span<const uint8_t> relevant);

// Share of predictions that are right. Needs at least one.
double Accuracy(absl::Span<const uint32_t> labels, absl::Span<const uint32_t> predictions);

// Mean over the labels, of those that occur on either side, of the harmonic mean of precision and
// recall.
double MacroF1(absl::Span<const uint32_t> labels, absl::Span<const uint32_t> predictions);

// How well clusters and labels tell each other (Rosenberg and Hirschberg, 2007), 0 .. 1.
struct ClusterScores {
  double v_measure = 0;     // harmonic mean of the two others
  double homogeneity = 0;   // each cluster has members of one label
  double completeness = 0;  // all members of a label are in one cluster
};
ClusterScores ScoreClusters(absl::Span<const uint32_t> labels, absl::Span<const uint32_t> clusters);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_LABEL_SCORES_H_
