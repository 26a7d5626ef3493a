// A set of points, by number: what a filter lets through.
#ifndef VECNEST_INDEX_POINT_SET_H_
#define VECNEST_INDEX_POINT_SET_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "index/types.h"

namespace vecnest::index {

// One bit for each number below a limit: a search asks for thousands of numbers in no order, and a
// bit is found in one step. Filled by one thread, then read by any number.
class PointSet {
 public:
  explicit PointSet(size_t limit) : limit_(limit), words_((limit + 63) / 64) {}

  // `number` is below the limit.
  void Add(PointNumber number) {
    uint64_t& word = words_[number / 64];
    const uint64_t bit = uint64_t{1} << (number % 64);
    count_ += (word & bit) == 0 ? 1 : 0;
    word |= bit;
  }

  bool Contains(PointNumber number) const {
    return number < limit_ && (words_[number / 64] >> (number % 64) & 1) != 0;
  }

  size_t limit() const { return limit_; }
  size_t count() const { return count_; }

  // In ascending order.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(static_cast<PointNumber>(i * 64 + static_cast<size_t>(std::countr_zero(word))));
      }
    }
  }

 private:
  size_t limit_;
  size_t count_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_POINT_SET_H_
