#include "index/merge.h"

#include <algorithm>
#include <limits>

namespace vecnest::index {
namespace {

// How many of the `count` smallest of both lists are of the first.
size_t TakenOfFirst(absl::Span<const uint64_t> a, absl::Span<const uint64_t> b, size_t count) {
  size_t least = count - std::min(count, b.size());
  size_t most = std::min(count, a.size());
  while (least < most) {
    const size_t middle = least + (most - least) / 2;
    if (a[middle] < b[count - middle - 1]) {
      least = middle + 1;
    } else {
      most = middle;
    }
  }
  return least;
}

uint64_t EntryOr(absl::Span<const uint64_t> list, size_t index, uint64_t none) {
  return index < list.size() ? list[index] : none;
}

}  // namespace

void MergeSmallest(absl::Span<const uint64_t> a, absl::Span<const uint64_t> b, size_t most,
                   std::vector<uint64_t>& merged) {
  constexpr uint64_t kLargest = std::numeric_limits<uint64_t>::max();
  const size_t count = std::min(most, a.size() + b.size());
  merged.resize(count);
  // From both ends at a time: each step waits for the one before it at its own end alone.
  size_t from_front = 0;                    // of a
  size_t left = TakenOfFirst(a, b, count);  // of a, for the end
  for (size_t front = 0; front < (count + 1) / 2; ++front) {
    const uint64_t first_a = EntryOr(a, from_front, kLargest);
    const uint64_t first_b = EntryOr(b, front - from_front, kLargest);
    merged[front] = std::min(first_a, first_b);
    from_front += first_a < first_b ? 1 : 0;
    const size_t back = count - 1 - front;
    // Below the beginning of a list is no index of it.
    const uint64_t last_a = EntryOr(a, left - 1, 0);
    const uint64_t last_b = EntryOr(b, back - left, 0);
    merged[back] = std::max(last_a, last_b);
    left -= last_a > last_b ? 1 : 0;
  }
}

}  // namespace vecnest::index
