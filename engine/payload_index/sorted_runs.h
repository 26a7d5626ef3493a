// Pairs (value, point number) in the order of values, for ranges: two parallel arrays of 12 bytes a
// pair, and beside them what changed since they were last merged.
#ifndef VECNEST_ENGINE_PAYLOAD_INDEX_SORTED_RUNS_H_
#define VECNEST_ENGINE_PAYLOAD_INDEX_SORTED_RUNS_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "engine/byte_io.h"
#include "engine/record.h"
#include "roaring/roaring.hh"

namespace vecnest::engine {

// Not thread-safe; reading beside reading is.
class SortedRuns {
 public:
  // A pair is there once, however often it is added.
  void Add(int64_t value, PointNumber number);
  void Remove(int64_t value, PointNumber number);
  void RemoveAll(const Roaring& numbers);

  // An interval of values: `below` holds for those under it, `above` for those over it.
  struct Interval {
    absl::FunctionRef<bool(int64_t)> below;
    absl::FunctionRef<bool(int64_t)> above;
  };
  // At least as many pairs as lie in the interval; exact but for changes not merged yet.
  size_t Estimate(const Interval& interval) const;
  // Adds the numbers of the pairs in the interval.
  void Collect(const Interval& interval, Roaring& numbers) const;
  // At least as many pairs as have values from `first` to `last`; exact but for removals not
  // merged.
  size_t Count(int64_t first, int64_t last) const;
  // In the order of values, then numbers.
  void ForEach(absl::FunctionRef<void(int64_t, PointNumber)> visit) const;
  // The same of values from `first` to `last`.
  void ForEach(int64_t first, int64_t last,
               absl::FunctionRef<void(int64_t, PointNumber)> visit) const;

  size_t HeapBytes() const;

  void Encode(ByteWriter& writer) const;
  static SortedRuns Decode(ByteReader& reader);

  friend bool operator==(const SortedRuns& a, const SortedRuns& b);

 private:
  using Pair = std::pair<int64_t, PointNumber>;
  bool InBase(const Pair& pair) const;
  std::pair<size_t, size_t> Positions(const Interval& interval) const;
  std::pair<size_t, size_t> Positions(int64_t first, int64_t last) const;
  void Append(int64_t value, PointNumber number);
  // Makes new arrays of what `keeps` lets pass.
  void Rewrite(absl::FunctionRef<bool(PointNumber)> keeps);
  void MergeIfMuchChanged();

  std::vector<int64_t> values_;
  std::vector<PointNumber> numbers_;
  absl::btree_set<Pair> added_;    // not in the arrays
  absl::btree_set<Pair> removed_;  // in the arrays
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_INDEX_SORTED_RUNS_H_
