// The entries of the list that a walk keeps (walk_lists.h): a row, its cost and whether it was
// expanded in one integer that orders as (cost, row) does, so that finding a place takes no branch.
// What is done to lists of them is compiled for several instruction sets and chosen at run time as
// in distance.h. Exact: every level gives the same lists.
#ifndef VECNEST_INDEX_KERNELS_WALK_ENTRIES_H_
#define VECNEST_INDEX_KERNELS_WALK_ENTRIES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecnest::index::kernels {

// The cost in the upper half, as an integer of the same order; below it the row, which is below
// 2^31, and the bit for whether it was expanded.
inline constexpr uint64_t kExpandedEntry = 1;
inline constexpr uint32_t kSignOfCost = 1U << 31U;

inline uint64_t EntryOf(float cost, uint32_t row) {
  // Adding zero turns -0 into 0, which it equals.
  const auto bits = std::bit_cast<uint32_t>(cost + 0.0F);
  const uint32_t ordered = bits ^ ((bits & kSignOfCost) != 0 ? ~0U : kSignOfCost);
  return uint64_t{ordered} << 32U | uint64_t{row} << 1U;
}
inline float CostOfEntry(uint64_t entry) {
  const auto ordered = static_cast<uint32_t>(entry >> 32U);
  return std::bit_cast<float>(ordered ^ ((ordered & kSignOfCost) != 0 ? kSignOfCost : ~0U));
}
inline uint32_t RowOfEntry(uint64_t entry) { return static_cast<uint32_t>(entry) >> 1U; }
inline bool IsExpandedEntry(uint64_t entry) { return (entry & kExpandedEntry) != 0; }

// Lists lie on a boundary of so many entries, and that many beyond their last may be read and
// written.
inline constexpr size_t kEntryBlock = 8;

struct WalkEntryKernels {
  const char* name = "";
  // Writes the entries, none of them expanded, of those of `count` rows that come before `bar` or
  // cost up to `range`; returns how many. `entries` has room for count + kEntryBlock.
  size_t (*select)(const uint32_t* rows, const float* costs, size_t count, uint64_t bar,
                   float range, uint64_t* entries) = nullptr;
  // Puts an entry that is not there among the `size` of a list, which are in ascending order;
  // returns where.
  size_t (*insert)(uint64_t* list, size_t size, uint64_t entry) = nullptr;
  // Where the first entry from `first` on is that was not expanded; `size` when all were.
  size_t (*first_unexpanded)(const uint64_t* list, size_t first, size_t size) = nullptr;
};

// The kernels to use; chosen at the first call, then fixed.
const WalkEntryKernels& WalkEntries();

// Every level that this CPU can run, widest first; for tests and benchmarks.
std::vector<WalkEntryKernels> AllWalkEntries();

}  // namespace vecnest::index::kernels

#endif  // VECNEST_INDEX_KERNELS_WALK_ENTRIES_H_
