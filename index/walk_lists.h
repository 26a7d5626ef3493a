// The working lists of walks through a graph, shared by searching (graph_walk.h) and building
// (hnsw_builder.h).
#ifndef VECNEST_INDEX_WALK_LISTS_H_
#define VECNEST_INDEX_WALK_LISTS_H_

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace vecnest::index {

struct WalkedRow {
  float cost = 0;
  uint32_t row = 0;
  friend auto operator<=>(const WalkedRow&, const WalkedRow&) = default;
};

// Which rows a walk has met. Costs a bit per row, and starting anew costs what was met, not what is
// there.
class VisitedRows {
 public:
  void Start(size_t rows) {
    for (const uint32_t word : touched_) bits_[word] = 0;
    touched_.clear();
    bits_.resize(std::max(bits_.size(), (rows + 63) / 64), 0);
  }

  // True the first time.
  bool Visit(uint32_t row) {
    uint64_t& word = bits_[row / 64];
    const uint64_t bit = uint64_t{1} << (row % 64);
    if ((word & bit) != 0) return false;
    if (word == 0) touched_.push_back(row / 64);
    word |= bit;
    return true;
  }

 private:
  std::vector<uint64_t> bits_;
  std::vector<uint32_t> touched_;  // words that are not 0
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
    entries_.resize(std::max(entries_.size(), limits_.most() + 1));
    size_ = 0;
    next_ = 0;
    equal_ = 0;
    in_range_ = 0;
    SetCapacity();
  }

  bool Admits(const WalkedRow& row) const {
    return size_ < capacity_ || row < entries_[size_ - 1].found ||
           (row.cost <= limits_.range && in_range_ < limits_.most_in_range);
  }

  // Only what is admitted.
  void Insert(const WalkedRow& row) {
    Entry* const begin = entries_.data();
    Entry* const place = std::upper_bound(
        begin, begin + size_, row,
        [](const WalkedRow& value, const Entry& entry) { return value < entry.found; });
    const auto index = static_cast<size_t>(place - begin);
    if (EqualsAt(index, row.cost)) {
      if (CountEqual(index, row.cost) >= limits_.most_equal) return;
      ++equal_;
      SetCapacity();
    } else if (row.cost <= limits_.range) {
      ++in_range_;
      SetCapacity();
    }
    // The last one goes before the others move, unless it may be the one that equals the row.
    if (size_ == capacity_ && index + 1 < size_) DropLast();
    std::memmove(static_cast<void*>(place + 1), place, (size_ - index) * sizeof(Entry));
    *place = {row, false};
    ++size_;
    next_ = std::min(next_, index);
    while (size_ > capacity_) DropLast();
  }

  // The nearest row that was not expanded, which is taken for expanded from now on; null when all
  // are.
  const WalkedRow* TakeNext() {
    while (next_ < size_ && entries_[next_].expanded) ++next_;
    if (next_ == size_) return nullptr;
    entries_[next_].expanded = true;
    return &entries_[next_++].found;
  }

  // Visits the rows that are likely to be taken next: the first, and the two that follow unless
  // something nearer comes first.
  template <class Visit>
  void ForNext(const Visit& visit) const {
    size_t left = 3;
    for (size_t i = next_; i < size_ && left > 0; ++i) {
      if (entries_[i].expanded) continue;
      visit(entries_[i].found.row);
      --left;
    }
  }

  // Nearest first.
  void CopyTo(std::vector<WalkedRow>& rows) const {
    rows.resize(size_);
    for (size_t i = 0; i < size_; ++i) rows[i] = entries_[i].found;
  }

 private:
  struct Entry {
    WalkedRow found;
    bool expanded = false;
  };

  void SetCapacity() {
    capacity_ = limits_.places + std::min(equal_, limits_.most_free) +
                std::min(in_range_, limits_.most_in_range);
  }

  // Whether one of the entries around `index` has this cost.
  bool EqualsAt(size_t index, float cost) const {
    return (index > 0 && entries_[index - 1].found.cost == cost) ||
           (index < size_ && entries_[index].found.cost == cost);
  }
  size_t CountEqual(size_t index, float cost) const {
    size_t count = 0;
    for (size_t i = index; i > 0 && entries_[i - 1].found.cost == cost; --i) ++count;
    for (size_t i = index; i < size_ && entries_[i].found.cost == cost; ++i) ++count;
    return count;
  }
  void DropLast() {
    --size_;
    const float cost = entries_[size_].found.cost;
    if (size_ > 0 && entries_[size_ - 1].found.cost == cost) {
      --equal_;
      SetCapacity();
    } else if (cost <= limits_.range) {
      --in_range_;
      SetCapacity();
    }
  }

  PoolSize limits_;
  std::vector<Entry> entries_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t equal_ = 0;     // rows of the cost of another
  size_t in_range_ = 0;  // of the others, those in range
  size_t next_ = 0;      // all before it were expanded
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_WALK_LISTS_H_
