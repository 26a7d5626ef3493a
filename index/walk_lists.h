// The working lists of walks through a graph, shared by searching (graph_walk.h) and building
// (hnsw_builder.h).
#ifndef VECNEST_INDEX_WALK_LISTS_H_
#define VECNEST_INDEX_WALK_LISTS_H_

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "absl/types/span.h"

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

  bool IsVisited(uint32_t row) const { return (bits_[row / 64] & Bit(row)) != 0; }

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
//
// A row is kept as one integer that orders as (cost, row) does, so that finding a place takes no
// branch: which way a comparison goes cannot be guessed.
class Pool {
 public:
  void Start(const PoolSize& size) {
    limits_ = size;
    limits_.most_equal = std::max(size.most_equal, size.places);
    entries_.resize(std::max(entries_.size(), limits_.most() + 1 + kMovedAtOnce));
    size_ = 0;
    next_ = 0;
    equal_ = 0;
    in_range_ = 0;
    SetCapacity();
    SetBar();
  }

  // Keeps the row while it is among the nearest. It is below kMaxSegmentRows (segment_format.h),
  // and was not offered before; its cost is finite.
  void Offer(const WalkedRow& row) {
    const uint64_t entry = EntryOf(row);
    if (entry < bar_ || (row.cost <= limits_.range && in_range_ < limits_.most_in_range)) {
      Insert(entry, row.cost);
    }
  }

  // The nearest row that was not expanded, which is taken for expanded from now on; nothing when
  // all are.
  std::optional<uint32_t> TakeNext() {
    while (next_ < size_ && IsExpanded(entries_[next_])) ++next_;
    if (next_ == size_) return std::nullopt;
    entries_[next_] |= kExpanded;
    return RowOf(entries_[next_++]);
  }

  // At least so many rows, the nearest, were expanded before the first that was not.
  size_t expanded_first() const { return next_; }

  // Visits the `count` rows that are taken next unless something nearer comes first.
  template <class Visit>
  void ForNext(size_t count, const Visit& visit) const {
    for (size_t i = next_; i < size_ && count > 0; ++i) {
      if (IsExpanded(entries_[i])) continue;
      visit(RowOf(entries_[i]));
      --count;
    }
  }

  // Nearest first.
  void CopyTo(std::vector<WalkedRow>& rows) const {
    rows.resize(size_);
    for (size_t i = 0; i < size_; ++i) rows[i] = {CostOf(entries_[i]), RowOf(entries_[i])};
  }

 private:
  static constexpr uint64_t kExpanded = 1;
  static constexpr uint32_t kSign = 1U << 31U;  // of a float
  static constexpr size_t kMovedAtOnce = 8;

  // The cost in the upper half, as an integer of the same order; below it the row and a bit for
  // whether it was expanded.
  static uint64_t EntryOf(const WalkedRow& row) {
    // Adding zero turns -0 into 0, which it equals.
    const auto bits = std::bit_cast<uint32_t>(row.cost + 0.0F);
    const uint32_t ordered = bits ^ ((bits & kSign) != 0 ? ~0U : kSign);
    return uint64_t{ordered} << 32U | uint64_t{row.row} << 1U;
  }
  static float CostOf(uint64_t entry) {
    const auto ordered = static_cast<uint32_t>(entry >> 32U);
    return std::bit_cast<float>(ordered ^ ((ordered & kSign) != 0 ? kSign : ~0U));
  }
  static uint32_t RowOf(uint64_t entry) { return static_cast<uint32_t>(entry) >> 1U; }
  static bool IsExpanded(uint64_t entry) { return (entry & kExpanded) != 0; }
  static bool SameCost(uint64_t a, uint64_t b) { return a >> 32U == b >> 32U; }

  void Insert(uint64_t entry, float cost) {
    const size_t index = PlaceOf(entry);
    if (EqualsAt(index, entry)) {
      if (CountEqual(index, entry) >= limits_.most_equal) return;
      ++equal_;
      SetCapacity();
    } else if (cost <= limits_.range) {
      ++in_range_;
      SetCapacity();
    }
    // The last one goes before the others move, unless it may be the one that equals the row.
    if (size_ == capacity_ && index + 1 < size_) DropLast();
    MakeRoom(index);
    entries_[index] = entry;
    ++size_;
    next_ = std::min(next_, index);
    while (size_ > capacity_) DropLast();
    SetBar();
  }

  // How many entries come before it.
  size_t PlaceOf(uint64_t entry) const {
    const uint64_t* first = entries_.data();
    for (size_t left = size_; left > 0;) {
      const size_t half = (left + 1) / 2;
      // By a mask: compilers make a branch of a choice.
      first += half & (size_t{0} - static_cast<size_t>(first[half - 1] < entry));
      left -= half;
    }
    return static_cast<size_t>(first - entries_.data());
  }

  // Moves the entries from `index` on up by one, and so many behind the last that nobody reads.
  // Faster than std::memmove, which chooses among ways to move by how much there is.
  void MakeRoom(size_t index) {
    using Block = std::array<uint64_t, kMovedAtOnce>;
    for (size_t left = (size_ - index + kMovedAtOnce - 1) / kMovedAtOnce; left > 0; --left) {
      uint64_t* const from = entries_.data() + index + (left - 1) * kMovedAtOnce;
      Block block;
      std::memcpy(block.data(), from, sizeof(Block));
      std::memcpy(from + 1, block.data(), sizeof(Block));
    }
  }

  void SetCapacity() {
    capacity_ = limits_.places + std::min(equal_, limits_.most_free) +
                std::min(in_range_, limits_.most_in_range);
  }

  void SetBar() { bar_ = size_ < capacity_ ? ~uint64_t{0} : entries_[size_ - 1]; }

  // Whether one of the entries around `index` has this one's cost.
  bool EqualsAt(size_t index, uint64_t entry) const {
    return (index > 0 && SameCost(entries_[index - 1], entry)) ||
           (index < size_ && SameCost(entries_[index], entry));
  }
  size_t CountEqual(size_t index, uint64_t entry) const {
    size_t count = 0;
    for (size_t i = index; i > 0 && SameCost(entries_[i - 1], entry); --i) ++count;
    for (size_t i = index; i < size_ && SameCost(entries_[i], entry); ++i) ++count;
    return count;
  }
  void DropLast() {
    --size_;
    const uint64_t dropped = entries_[size_];
    if (size_ > 0 && SameCost(entries_[size_ - 1], dropped)) {
      --equal_;
      SetCapacity();
    } else if (CostOf(dropped) <= limits_.range) {
      --in_range_;
      SetCapacity();
    }
  }

  PoolSize limits_;
  std::vector<uint64_t> entries_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t equal_ = 0;     // rows of the cost of another
  size_t in_range_ = 0;  // of the others, those in range
  size_t next_ = 0;      // all before it were expanded
  uint64_t bar_ = 0;     // what comes before it gets in, whatever its cost
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_WALK_LISTS_H_
