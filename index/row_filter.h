// Which rows of a segment a search may return.
#ifndef VECNEST_INDEX_ROW_FILTER_H_
#define VECNEST_INDEX_ROW_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "index/rows.h"

namespace vecnest::index {

// The rows whose label is in `allowed` (sorted ascending), ascending, deleted ones included.
// Merges the two sorted lists; when one is much shorter, searches the longer one for its values.
std::vector<uint32_t> MatchingRows(const Rows& rows, absl::Span<const Label> allowed);

// Decides row by row. The rows' marks must outlive it.
class RowFilter {
 public:
  // Every row that is live as of `as_of`.
  RowFilter(const Rows& rows, Label as_of)
      : marks_(rows.marks->count() == 0 ? nullptr : rows.marks), as_of_(as_of) {}
  // Of those, the ones listed.
  RowFilter(const Rows& rows, Label as_of, absl::Span<const uint32_t> listed)
      : RowFilter(rows, as_of) {
    bits_.resize((rows.count + 63) / 64);
    for (const uint32_t row : listed) bits_[row / 64] |= uint64_t{1} << (row % 64);
  }

  bool AcceptsAll() const { return marks_ == nullptr && bits_.empty(); }
  bool Accepts(uint32_t row) const {
    if (!bits_.empty() && (bits_[row / 64] >> (row % 64) & 1) == 0) return false;
    return marks_ == nullptr || !marks_->IsDeleted(row, as_of_);
  }

 private:
  const DeletionMarks* const marks_;  // null when nothing is deleted
  const Label as_of_;
  std::vector<uint64_t> bits_;  // empty: all rows are listed
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_ROW_FILTER_H_
