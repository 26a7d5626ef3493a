// The working lists of walks through a graph, shared by searching (graph_walk.h) and building
// (hnsw_builder.h).
#ifndef VECNEST_INDEX_WALK_LISTS_H_
#define VECNEST_INDEX_WALK_LISTS_H_

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

// The nearest rows met, in order, and which of them were expanded. Where every row counts this one
// list serves as both of the paper's: what is not among the ef nearest is never expanded. For the
// few hundred rows of a usual ef, moving what lies behind a new one beats two heaps.
class Pool {
 public:
  void Start(size_t capacity) {
    capacity_ = capacity;
    entries_.resize(std::max(entries_.size(), capacity + 1));
    size_ = 0;
    next_ = 0;
  }

  bool Admits(const WalkedRow& row) const {
    return size_ < capacity_ || row < entries_[size_ - 1].found;
  }

  // Only what is admitted.
  void Insert(const WalkedRow& row) {
    Entry* const begin = entries_.data();
    Entry* const place = std::upper_bound(
        begin, begin + size_, row,
        [](const WalkedRow& value, const Entry& entry) { return value < entry.found; });
    if (size_ < capacity_) ++size_;
    std::memmove(static_cast<void*>(place + 1), place,
                 static_cast<size_t>(begin + size_ - 1 - place) * sizeof(Entry));
    *place = {row, false};
    next_ = std::min(next_, static_cast<size_t>(place - begin));
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
  size_t capacity_ = 0;
  std::vector<Entry> entries_;
  size_t size_ = 0;
  size_t next_ = 0;  // all before it were expanded
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_WALK_LISTS_H_
