#include "index/width_curve.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace vecnest::index {
namespace {

constexpr size_t kTop = 10;
constexpr size_t kNarrowest = 8;

// Powers of two and one and a half times them from 64 on, where the steps between get wide.
std::vector<size_t> WidthsBelow(size_t full) {
  std::vector<size_t> widths;
  for (size_t width = kNarrowest; width < full; width *= 2) {
    widths.push_back(width);
    if (width >= 64 && width + width / 2 < full) widths.push_back(width + width / 2);
  }
  widths.push_back(full);
  return widths;
}

std::vector<Entry> Sample(const VectorIndex& index, size_t count) {
  const std::vector<Label> labels = index.LiveLabels();
  std::vector<Entry> sample;
  if (labels.size() < 2) return sample;
  count = std::min(count, labels.size());
  for (size_t i = 0; i < count; ++i) {
    // Deleted since the labels were listed: one query fewer.
    if (auto entry = index.Get(labels[i * labels.size() / count])) {
      sample.push_back(*std::move(entry));
    }
  }
  return sample;
}

// The nearest others, in the order of their keys.
absl::StatusOr<std::vector<PointKey>> Others(const VectorIndex& index, const Entry& query,
                                             SearchParams params, SearchStats& stats) {
  params.k = kTop + 1;
  auto found = index.Search(query.vector, params, &stats);
  if (!found.ok()) return found.status();
  std::vector<PointKey> keys;
  for (const ScoredLabel& hit : *found) {
    if (hit.key != query.key && keys.size() < kTop) keys.push_back(hit.key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

size_t CountCommon(const std::vector<PointKey>& a, const std::vector<PointKey>& b) {
  std::vector<PointKey> common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
  return common.size();
}

}  // namespace

absl::StatusOr<WidthCurve> MeasureWidths(const VectorIndex& index, size_t queries, Metric metric,
                                         absl::FunctionRef<absl::Status()> check) {
  const std::vector<Entry> sample = Sample(index, queries);
  WidthCurve curve;
  curve.queries = sample.size();
  if (sample.empty()) return curve;
  std::vector<std::vector<PointKey>> truth;
  size_t wanted = 0;
  for (const Entry& query : sample) {
    if (absl::Status status = check(); !status.ok()) return status;
    SearchStats stats;
    auto keys = Others(index, query, {.metric = metric, .exact = true}, stats);
    if (!keys.ok()) return keys.status();
    wanted += keys->size();
    truth.push_back(*std::move(keys));
  }
  for (const size_t width : WidthsBelow(sample.front().vector.size())) {
    WidthPoint point;
    point.dimensions = width;
    size_t hits = 0;
    for (size_t i = 0; i < sample.size(); ++i) {
      if (absl::Status status = check(); !status.ok()) return status;
      SearchStats stats;
      const auto start = std::chrono::steady_clock::now();
      auto keys = Others(index, sample[i],
                         {.metric = metric, .dimensions = static_cast<int>(width)}, stats);
      if (!keys.ok()) return keys.status();
      point.seconds +=
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      point.bytes += static_cast<double>(stats.bytes);
      hits += CountCommon(*keys, truth[i]);
    }
    const auto count = static_cast<double>(sample.size());
    point.recall = wanted == 0 ? 1 : static_cast<double>(hits) / static_cast<double>(wanted);
    point.bytes /= count;
    point.seconds /= count;
    curve.widths.push_back(point);
  }
  return curve;
}

}  // namespace vecnest::index
