#include "engine/evaluation/label_scores.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace vecnest::engine::evaluation {
namespace {

using Counts = std::map<uint32_t, double>;

double Entropy(const Counts& counts, double total) {
  double entropy = 0;
  for (const auto& [label, count] : counts) entropy -= count / total * std::log(count / total);
  return entropy;
}

}  // namespace

double AveragePrecision(absl::Span<const double> scores, absl::Span<const uint8_t> relevant) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t i, size_t j) { return scores[i] > scores[j]; });
  const auto all = static_cast<double>(
      std::count_if(relevant.begin(), relevant.end(), [](uint8_t yes) { return yes != 0; }));
  double sum = 0;
  size_t found = 0;
  for (size_t first = 0; first < order.size();) {
    const size_t found_before = found;
    const double threshold = scores[order[first]];
    for (; first < order.size() && scores[order[first]] == threshold; ++first) {
      found += relevant[order[first]] != 0 ? 1 : 0;
    }
    const double precision = static_cast<double>(found) / static_cast<double>(first);
    sum += precision * static_cast<double>(found - found_before);
  }
  return sum / all;
}

double Accuracy(absl::Span<const uint32_t> labels, absl::Span<const uint32_t> predictions) {
  size_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i) right += labels[i] == predictions[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

double MacroF1(absl::Span<const uint32_t> labels, absl::Span<const uint32_t> predictions) {
  struct Tally {
    double right = 0;
    double there = 0;
    double predicted = 0;
  };
  std::map<uint32_t, Tally> tallies;
  for (size_t i = 0; i < labels.size(); ++i) {
    ++tallies[labels[i]].there;
    ++tallies[predictions[i]].predicted;
    if (labels[i] == predictions[i]) ++tallies[labels[i]].right;
  }
  double sum = 0;
  for (const auto& [label, tally] : tallies) {
    sum += 2 * tally.right / (tally.there + tally.predicted);
  }
  return sum / static_cast<double>(tallies.size());
}

ClusterScores ScoreClusters(absl::Span<const uint32_t> labels,
                            absl::Span<const uint32_t> clusters) {
  Counts by_label;
  Counts by_cluster;
  std::map<std::pair<uint32_t, uint32_t>, double> joint;
  for (size_t i = 0; i < labels.size(); ++i) {
    ++by_label[labels[i]];
    ++by_cluster[clusters[i]];
    ++joint[{labels[i], clusters[i]}];
  }
  const auto total = static_cast<double>(labels.size());
  double information = 0;  // mutual
  for (const auto& [pair, count] : joint) {
    information +=
        count / total * std::log(count * total / (by_label[pair.first] * by_cluster[pair.second]));
  }
  const double label_entropy = Entropy(by_label, total);
  const double cluster_entropy = Entropy(by_cluster, total);
  ClusterScores scores;
  scores.homogeneity = label_entropy > 0 ? information / label_entropy : 1;
  scores.completeness = cluster_entropy > 0 ? information / cluster_entropy : 1;
  const double sum = scores.homogeneity + scores.completeness;
  scores.v_measure = sum > 0 ? 2 * scores.homogeneity * scores.completeness / sum : 0;
  return scores;
}

}  // namespace vecnest::engine::evaluation
