// The working lists of walks through a graph (graph_walk.h); which rows they have met is kept in
// the same way for building (neighbour_search.h).
#ifndef VECNEST_INDEX_WALK_LISTS_H_
#define VECNEST_INDEX_WALK_LISTS_H_

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "hwy/aligned_allocator.h"
#include "index/kernels/walk_entries.h"

namespace vecnest::index {

struct WalkedRow {
  float cost = 0;
  uint32_t row = 0;
  friend auto operator<=>(const WalkedRow&, const WalkedRow&) = default;
};

// Which rows a walk has met. Costs one and a half bits a row, and starting anew costs what was met,
// not what is there. Nothing branches on whether a row is new: no processor guesses that well.
class VisitedRows {
 public:
  void Start(size_t rows) {
    for (size_t i = 0; i < touched_count_; ++i) bits_[touched_[i]] = 0;
    touched_count_ = 0;
    const size_t words = (rows + 63) / 64;
    if (words <= bits_.size()) return;
    touched_.resize(words + 1);
    bits_.resize(words, 0);
  }

  // True the first time.
  bool Visit(uint32_t row) { return VisitAll({&row, 1}, &row) == 1; }

  // Writes those of the rows that are met for the first time, and returns how many. `fresh` has
  // room for all of them, and may be where they come from.
  size_t VisitAll(absl::Span<const uint32_t> rows, uint32_t* fresh) {
    uint64_t* const bits = bits_.data();
    uint32_t* touched = touched_.data() + touched_count_;
    size_t count = 0;
    for (const uint32_t row : rows) {
      const uint64_t before = bits[row / 64];
      *touched = row / 64;
      touched += before == 0 ? 1 : 0;
      bits[row / 64] = before | Bit(row);
      fresh[count] = row;
      count += (before & Bit(row)) == 0 ? 1 : 0;
    }
    touched_count_ = static_cast<size_t>(touched - touched_.data());
    return count;
  }

 private:
  static uint64_t Bit(uint32_t row) { return uint64_t{1} << (row % 64); }

  std::vector<uint64_t> bits_;
  // The first `touched_count_` are the words that are not 0. One more than words.
  std::vector<uint32_t> touched_;
  size_t touched_count_ = 0;
};

// How many rows a Pool keeps.
struct PoolSize {
  size_t places = 1;
  // So many rows of a cost up to `range` take no place.
  float range = -std::numeric_limits<float>::infinity();
  size_t most_in_range = 0;
  // Among equal vectors the places go to different ones: of the rows of one cost one takes a place.
  // The others, up to `most_equal` of a cost and `most_free` in all, do not; never fewer than
  // `places` of a cost are kept.
  size_t most_equal = 0;
  size_t most_free = 0;

  size_t most() const { return places + most_in_range + most_free; }
};

// The nearest rows met, in order, and which of them were expanded. This one list serves as both of
// the paper's: what is not among the nearest is never expanded. For the few hundred rows of a usual
// ef, moving what lies behind a new one beats two heaps.
class Pool {
 public:
  void Start(const PoolSize& size) {
    limits_ = size;
    limits_.most_equal = std::max(size.most_equal, size.places);
    Reserve(limits_.most() + 1 + kernels::kEntryBlock);
    size_ = 0;
    next_ = 0;
    equal_ = 0;
    in_range_ = 0;
    SetCapacity();
    SetBar();
  }

  // Keeps those of the rows that are among the nearest. They are below kMaxSegmentRows
  // (segment_format.h), and were not offered before; their costs are finite.
  void Offer(absl::Span<const uint32_t> rows, const float* costs) {
    // Most are too far, and which ones no processor guesses.
    const size_t room = rows.size() + kernels::kEntryBlock;
    if (near_.size() < room) near_.resize(room);
    const size_t near =
        kernels_.select(rows.data(), costs, rows.size(), bar_, limits_.range, near_.data());
    for (size_t i = 0; i < near; ++i) OfferEntry(near_[i]);
  }
  void Offer(const WalkedRow& row) { OfferEntry(kernels::EntryOf(row.cost, row.row)); }

  // The nearest row that was not expanded, which is taken for expanded from now on; nothing when
  // all are.
  std::optional<uint32_t> TakeNext() {
    next_ = kernels_.first_unexpanded(entries_.get(), next_, size_);
    if (next_ == size_) return std::nullopt;
    entries_[next_] |= kernels::kExpandedEntry;
    return kernels::RowOfEntry(entries_[next_++]);
  }

  // Visits the `count` rows that are taken next unless something nearer comes first.
  template <class Visit>
  void ForNext(size_t count, const Visit& visit) const {
    size_t i = next_;
    for (; count > 0; --count, ++i) {
      i = kernels_.first_unexpanded(entries_.get(), i, size_);
      if (i == size_) return;
      visit(kernels::RowOfEntry(entries_[i]));
    }
  }

  // Nearest first.
  void CopyTo(std::vector<WalkedRow>& rows) const {
    rows.resize(size_);
    for (size_t i = 0; i < size_; ++i) {
      rows[i] = {kernels::CostOfEntry(entries_[i]), kernels::RowOfEntry(entries_[i])};
    }
  }

 private:
  static bool SameCost(uint64_t a, uint64_t b) { return a >> 32U == b >> 32U; }

  void Reserve(size_t entries) {
    if (entries <= reserved_) return;
    auto reserved = hwy::AllocateAligned<uint64_t>(entries);
    if (reserved == nullptr) throw std::bad_alloc();
    std::fill_n(reserved.get(), entries, uint64_t{0});
    entries_ = std::move(reserved);
    reserved_ = entries;
  }

  void OfferEntry(uint64_t entry) {
    const float cost = kernels::CostOfEntry(entry);
    if (entry >= bar_ && !(cost <= limits_.range && in_range_ < limits_.most_in_range)) return;
    const size_t index = kernels_.insert(entries_.get(), size_, entry);
    ++size_;
    if (EqualsBeside(index)) {
      if (CountEqual(index) > limits_.most_equal) return Remove(index);
      ++equal_;
      SetCapacity();
    } else if (cost <= limits_.range) {
      ++in_range_;
      SetCapacity();
    }
    next_ = std::min(next_, index);
    while (size_ > capacity_) DropLast();
    SetBar();
  }

  void SetCapacity() {
    capacity_ = limits_.places + std::min(equal_, limits_.most_free) +
                std::min(in_range_, limits_.most_in_range);
  }

  void SetBar() { bar_ = size_ < capacity_ ? ~uint64_t{0} : entries_[size_ - 1]; }

  // Whether an entry beside the one at `index` has its cost.
  bool EqualsBeside(size_t index) const {
    return (index > 0 && SameCost(entries_[index - 1], entries_[index])) ||
           (index + 1 < size_ && SameCost(entries_[index + 1], entries_[index]));
  }
  // How many have the cost of the one at `index`, itself among them.
  size_t CountEqual(size_t index) const {
    size_t count = 1;
    for (size_t i = index; i > 0 && SameCost(entries_[i - 1], entries_[index]); --i) ++count;
    for (size_t i = index + 1; i < size_ && SameCost(entries_[i], entries_[index]); ++i) ++count;
    return count;
  }
  void Remove(size_t index) {
    uint64_t* const removed = entries_.get() + index;
    std::copy(removed + 1, entries_.get() + size_, removed);
    --size_;
  }
  void DropLast() {
    --size_;
    const uint64_t dropped = entries_[size_];
    if (size_ > 0 && SameCost(entries_[size_ - 1], dropped)) {
      --equal_;
      SetCapacity();
    } else if (kernels::CostOfEntry(dropped) <= limits_.range) {
      --in_range_;
      SetCapacity();
    }
  }

  const kernels::WalkEntryKernels& kernels_ = kernels::WalkEntries();
  PoolSize limits_;
  hwy::AlignedFreeUniquePtr<uint64_t[]> entries_;
  size_t reserved_ = 0;
  std::vector<uint64_t> near_;  // of those that are offered together
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t equal_ = 0;     // rows of the cost of another
  size_t in_range_ = 0;  // of the others, those in range
  size_t next_ = 0;      // all before it were expanded
  uint64_t bar_ = 0;     // what comes before it gets in, whatever its cost
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_WALK_LISTS_H_
