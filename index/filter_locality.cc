#include "index/filter_locality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "index/walk_lists.h"

namespace vecnest::index {
namespace {

// Rows that tell whether a filter leaves out what surrounds the query, and how unlikely what they
// show may be if it had nothing to do with the query. Among few matches the nearest rows tell
// nothing, and rows from everywhere do.
constexpr size_t kNearestThatTell = 32;
constexpr size_t kSampledRows = 256;
constexpr double kUnlikely = 1e-3;

// Rows spread evenly over a segment.
class Sample {
 public:
  explicit Sample(size_t count) : size_(std::min(kSampledRows, count)) {
    for (size_t i = 0; i < size_; ++i) rows_[i] = static_cast<uint32_t>(i * count / size_);
  }

  size_t size() const { return size_; }
  absl::Span<const uint32_t> rows() const { return {rows_.data(), size_}; }
  size_t Refused(const RowFilter& filter) const {
    return static_cast<size_t>(std::count_if(rows_.begin(),
                                             rows_.begin() + static_cast<ptrdiff_t>(size_),
                                             [&](uint32_t row) { return !filter.Accepts(row); }));
  }

 private:
  const size_t size_;
  std::array<uint32_t, kSampledRows> rows_{};
};

// The nearest rows of all, as a short walk finds them: how many come before the first accepted.
template <class RowScorer>
size_t RefusedAmongNearest(const GraphView& graph, size_t count, const RowFilter& filter,
                           const RowScorer& scorer, Locality& locality) {
  WalkParams params;
  params.kept.places = kNearestThatTell;
  params.max_distances = count;
  const WalkResult nearest = WalkGraph(graph, count, scorer, RowFilter::All(), params);
  locality.distances += nearest.distances;
  locality.bytes += nearest.bytes;
  const auto accepted = std::find_if(nearest.rows.begin(), nearest.rows.end(),
                                     [&](const WalkedRow& row) { return filter.Accepts(row.row); });
  return static_cast<size_t>(accepted - nearest.rows.begin());
}

// The same among rows that are spread over the segment.
template <class RowScorer>
size_t RefusedInSample(const Sample& sample, const RowFilter& filter, const RowScorer& scorer,
                       Locality& locality) {
  std::vector<float> costs(sample.size());
  for (const uint32_t row : sample.rows()) scorer.Prefetch(row);
  scorer.Costs(sample.rows(), costs.data());
  locality.distances += sample.size();
  locality.bytes += sample.size() * scorer.bytes();
  float best = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < sample.size(); ++i) {
    if (filter.Accepts(sample.rows()[i])) best = std::min(best, costs[i]);
  }
  return static_cast<size_t>(
      std::count_if(costs.begin(), costs.end(), [best](float cost) { return cost < best; }));
}

template <class RowScorer>
Locality Tell(const GraphView& graph, size_t count, const RowFilter& filter,
              const RowScorer& scorer) {
  Locality locality;
  const Sample sample(count);
  // One more of each kind than was seen: none in the sample are not none at all.
  const double refused =
      static_cast<double>(sample.Refused(filter) + 1) / static_cast<double>(sample.size() + 2);
  const bool few_tell = std::pow(refused, kNearestThatTell) < kUnlikely;
  const size_t nearer = few_tell ? RefusedAmongNearest(graph, count, filter, scorer, locality)
                                 : RefusedInSample(sample, filter, scorer, locality);
  locality.away = std::pow(refused, static_cast<double>(nearer)) < kUnlikely;
  return locality;
}

}  // namespace

Locality LocalityOf(const GraphView& graph, size_t count, const RowFilter& filter,
                    const VectorScorer& scorer) {
  return Tell(graph, count, filter, scorer);
}

Locality LocalityOf(const GraphView& graph, size_t count, const RowFilter& filter,
                    const CodeScorer& scorer) {
  return Tell(graph, count, filter, scorer);
}

}  // namespace vecnest::index
