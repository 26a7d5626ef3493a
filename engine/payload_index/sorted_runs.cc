#include "engine/payload_index/sorted_runs.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace vecnest::engine {
namespace {

// Changes are merged when they are more than this, and than a sixteenth of the arrays.
constexpr size_t kMinChanges = 1024;

}  // namespace

void SortedRuns::Add(int64_t value, PointNumber number) {
  const Pair pair(value, number);
  if (removed_.erase(pair) > 0 || InBase(pair)) return;
  added_.insert(pair);
  MergeIfMuchChanged();
}

void SortedRuns::Remove(int64_t value, PointNumber number) {
  const Pair pair(value, number);
  if (added_.erase(pair) > 0 || !InBase(pair)) return;
  removed_.insert(pair);
  MergeIfMuchChanged();
}

void SortedRuns::RemoveAll(const Roaring& numbers) {
  Rewrite([&](PointNumber number) { return !numbers.contains(number); });
}

bool SortedRuns::InBase(const Pair& pair) const {
  const auto [first, last] = std::equal_range(values_.begin(), values_.end(), pair.first);
  return std::binary_search(numbers_.begin() + (first - values_.begin()),
                            numbers_.begin() + (last - values_.begin()), pair.second);
}

std::pair<size_t, size_t> SortedRuns::Positions(const Interval& interval) const {
  const auto first = std::partition_point(values_.begin(), values_.end(), interval.below);
  const auto last = std::partition_point(first, values_.end(),
                                         [&](int64_t value) { return !interval.above(value); });
  return {static_cast<size_t>(first - values_.begin()),
          static_cast<size_t>(last - values_.begin())};
}

std::pair<size_t, size_t> SortedRuns::Positions(int64_t first, int64_t last) const {
  return Positions(
      {[&](int64_t value) { return value < first; }, [&](int64_t value) { return value > last; }});
}

size_t SortedRuns::Estimate(const Interval& interval) const {
  const auto [first, last] = Positions(interval);
  return last - first + added_.size();
}

void SortedRuns::Collect(const Interval& interval, Roaring& numbers) const {
  const auto [first, last] = Positions(interval);
  const auto inside = [&](const Pair& pair) {
    return !interval.below(pair.first) && !interval.above(pair.first);
  };
  if (std::any_of(removed_.begin(), removed_.end(), inside)) {
    for (size_t i = first; i < last; ++i) {
      if (!removed_.contains({values_[i], numbers_[i]})) numbers.add(numbers_[i]);
    }
  } else {
    numbers.addMany(last - first, numbers_.data() + first);
  }
  for (const Pair& pair : added_) {
    if (inside(pair)) numbers.add(pair.second);
  }
}

size_t SortedRuns::Count(int64_t first, int64_t last) const {
  const auto [begin, end] = Positions(first, last);
  const auto added =
      std::distance(added_.lower_bound({first, 0}), added_.upper_bound({last, kNoNumber}));
  return end - begin + static_cast<size_t>(added);
}

void SortedRuns::ForEach(absl::FunctionRef<void(int64_t, PointNumber)> visit) const {
  ForEach(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), visit);
}

void SortedRuns::ForEach(int64_t first, int64_t last,
                         absl::FunctionRef<void(int64_t, PointNumber)> visit) const {
  const auto [begin, end] = Positions(first, last);
  auto added = added_.lower_bound({first, 0});
  const auto added_end = added_.upper_bound({last, kNoNumber});
  for (size_t i = begin; i < end; ++i) {
    const Pair pair(values_[i], numbers_[i]);
    for (; added != added_end && *added < pair; ++added) visit(added->first, added->second);
    if (!removed_.contains(pair)) visit(pair.first, pair.second);
  }
  for (; added != added_end; ++added) visit(added->first, added->second);
}

void SortedRuns::Append(int64_t value, PointNumber number) {
  values_.push_back(value);
  numbers_.push_back(number);
}

void SortedRuns::Rewrite(absl::FunctionRef<bool(PointNumber)> keeps) {
  SortedRuns merged;
  const size_t size = values_.size() + added_.size() - removed_.size();
  merged.values_.reserve(size);
  merged.numbers_.reserve(size);
  ForEach([&](int64_t value, PointNumber number) {
    if (keeps(number)) merged.Append(value, number);
  });
  *this = std::move(merged);
}

void SortedRuns::MergeIfMuchChanged() {
  if (added_.size() + removed_.size() > kMinChanges + values_.size() / 16) {
    Rewrite([](PointNumber) { return true; });
  }
}

size_t SortedRuns::HeapBytes() const {
  return values_.capacity() * sizeof(int64_t) + numbers_.capacity() * sizeof(PointNumber) +
         (added_.size() + removed_.size()) * sizeof(Pair) * 4 / 3;
}

void SortedRuns::Encode(ByteWriter& writer) const {
  writer.Number(static_cast<uint32_t>(values_.size() + added_.size() - removed_.size()));
  ForEach([&](int64_t value, PointNumber number) {
    writer.Number(value);
    writer.Number(number);
  });
}

SortedRuns SortedRuns::Decode(ByteReader& reader) {
  SortedRuns runs;
  const size_t count = reader.Count(sizeof(int64_t) + sizeof(PointNumber));
  runs.values_.reserve(count);
  runs.numbers_.reserve(count);
  Pair last;
  for (size_t i = 0; i < count; ++i) {
    const auto value = reader.Number<int64_t>();
    const Pair pair(value, reader.Number<PointNumber>());
    if (i > 0 && pair <= last) reader.Fail("values are not in order");
    runs.Append(pair.first, pair.second);
    last = pair;
  }
  return runs;
}

bool operator==(const SortedRuns& a, const SortedRuns& b) {
  const auto pairs = [](const SortedRuns& runs) {
    std::vector<SortedRuns::Pair> list;
    runs.ForEach([&](int64_t value, PointNumber number) { list.emplace_back(value, number); });
    return list;
  };
  return pairs(a) == pairs(b);
}

}  // namespace vecnest::engine
