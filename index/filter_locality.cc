#include "index/filter_locality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/types/span.h"
#include "index/walk_lists.h"

namespace vecnest::index {
namespace {

// Rows that tell whether a filter leaves out what surrounds the query, and how unlikely what they
// show may be if it had nothing to do with the query. Rows from everywhere tell it of whatever lies
// far around; where many match, the nearest do of what is close by.
constexpr size_t kNearestThatTell = 32;
constexpr size_t kSampledRows = 256;
constexpr size_t kFirstOfSample = 2;
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

// How likely it is that of `count` rows, each of which is refused by this chance, no more than
// `accepted` are accepted.
double ChanceOfSoFew(size_t accepted, size_t count, double refused) {
  double term = std::pow(refused, static_cast<double>(count));
  double sum = term;
  for (size_t i = 0; i < accepted; ++i) {
    term *= static_cast<double>(count - i) / static_cast<double>(i + 1) * (1 - refused) / refused;
    sum += term;
  }
  return sum;
}

// The nearest rows of all, as a short walk finds them.
struct NearestRows {
  size_t count = 0;
  size_t accepted = 0;

  // Whether they lead a walk on to others that are accepted, whatever lies behind them.
  bool Lead() const { return accepted > count / 4; }
};

template <class RowScorer>
NearestRows FindNearest(const GraphView& graph, size_t count, const RowFilter& filter,
                        const RowScorer& scorer, Locality& locality) {
  WalkParams params;
  params.kept.places = kNearestThatTell;
  params.max_distances = count;
  const WalkResult walk = WalkGraph(graph, count, scorer, RowFilter::All(), params);
  locality.distances += walk.distances;
  locality.bytes += walk.bytes;
  const auto accepted =
      std::count_if(walk.rows.begin(), walk.rows.end(),
                    [&](const WalkedRow& row) { return filter.Accepts(row.row); });
  locality.share = static_cast<double>(accepted) / static_cast<double>(walk.rows.size());
  return {walk.rows.size(), static_cast<size_t>(accepted)};
}

// Of rows that are spread over the segment, those nearer than the first that are accepted. The
// first alone may be one of a few near the query.
template <class RowScorer>
double ChanceOfSample(const Sample& sample, const RowFilter& filter, const RowScorer& scorer,
                      double refused, Locality& locality) {
  std::array<float, kSampledRows> costs;
  for (const uint32_t row : sample.rows()) scorer.Prefetch(row);
  scorer.Costs(sample.rows(), costs.data());
  locality.distances += sample.size();
  locality.bytes += sample.size() * scorer.bytes();
  std::array<float, kFirstOfSample> first;
  first.fill(std::numeric_limits<float>::infinity());
  for (size_t i = 0; i < sample.size(); ++i) {
    if (costs[i] >= first.back() || !filter.Accepts(sample.rows()[i])) continue;
    first.back() = costs[i];
    std::sort(first.begin(), first.end());
  }
  double chance = 1;
  for (size_t i = 0; i < first.size(); ++i) {
    const auto nearer = static_cast<size_t>(
        std::count_if(costs.begin(), costs.begin() + static_cast<ptrdiff_t>(sample.size()),
                      [&](float cost) { return cost < first[i]; }));
    chance = std::min(chance, ChanceOfSoFew(std::min(i, nearer), nearer, refused));
  }
  return chance;
}

template <class RowScorer>
Locality Tell(const GraphView& graph, size_t count, const RowFilter& filter,
              const RowScorer& scorer) {
  Locality locality;
  const Sample sample(count);
  // One more of each kind than was seen: none in the sample are not none at all.
  const double refused =
      static_cast<double>(sample.Refused(filter) + 1) / static_cast<double>(sample.size() + 2);
  const bool nearest_tell = std::pow(refused, kNearestThatTell) < kUnlikely;
  if (nearest_tell) {
    const NearestRows nearest = FindNearest(graph, count, filter, scorer, locality);
    if (nearest.Lead()) return locality;
    locality.away = ChanceOfSoFew(nearest.accepted, nearest.count, refused) < kUnlikely;
    if (locality.away) return locality;
  }
  locality.away = ChanceOfSample(sample, filter, scorer, refused, locality) < kUnlikely;
  if (locality.away && !nearest_tell) {
    locality.away = !FindNearest(graph, count, filter, scorer, locality).Lead();
  }
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
