// The answer of a search while it is put together.
#ifndef VECNEST_INDEX_NEAREST_H_
#define VECNEST_INDEX_NEAREST_H_

#include <algorithm>
#include <compare>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "index/types.h"

namespace vecnest::index {

struct Candidate {
  float cost = 0;
  PointKey key;
  Label label = 0;
  friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

// The nearest candidates seen, by cost, then key.
class Nearest {
 public:
  explicit Nearest(size_t capacity) : capacity_(capacity) {}

  // Whether something of this cost can still enter; saves reading the keys of the others.
  bool Admits(float cost) const { return heap_.size() < capacity_ || cost <= heap_.front().cost; }

  // The largest cost that can still enter; nothing as long as any can.
  std::optional<float> Bar() const {
    return heap_.size() < capacity_ ? std::nullopt : std::optional(heap_.front().cost);
  }

  void Offer(const Candidate& candidate) {
    if (heap_.size() == capacity_) {
      overflowed_ = true;
      if (!(candidate < heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end());
  }

  void Reject() { overflowed_ = true; }
  bool overflowed() const { return overflowed_; }

  // Nearest first, each key once: of two versions the later one, which is about to replace the
  // other.
  std::vector<Candidate> TakeUnique() {
    std::sort(heap_.begin(), heap_.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.key, b.label) < std::tie(b.key, a.label);
    });
    const auto same_key = [](const Candidate& a, const Candidate& b) { return a.key == b.key; };
    heap_.erase(std::unique(heap_.begin(), heap_.end(), same_key), heap_.end());
    std::sort(heap_.begin(), heap_.end());
    return std::move(heap_);
  }

 private:
  const size_t capacity_;
  std::vector<Candidate> heap_;
  bool overflowed_ = false;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_NEAREST_H_
