// Which rows of a segment a search may return.
#ifndef VECNEST_INDEX_ROW_FILTER_H_
#define VECNEST_INDEX_ROW_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/point_set.h"
#include "index/rows.h"

namespace vecnest::index {

// Decides row by row. The rows' marks and numbers and the set must outlive it.
class RowFilter {
 public:
  // Every row that is live as of `as_of` and, when `allowed` is not null, whose point is in it.
  RowFilter(const Rows& rows, Label as_of, const PointSet* allowed)
      : marks_(rows.marks->count() == 0 ? nullptr : rows.marks),
        as_of_(as_of),
        numbers_(rows.numbers),
        allowed_(allowed) {}

  // Every row, whatever its marks.
  static RowFilter All() { return {}; }

  bool AcceptsAll() const { return marks_ == nullptr && allowed_ == nullptr; }
  bool Accepts(uint32_t row) const {
    if (allowed_ != nullptr && !allowed_->Contains(numbers_[row])) return false;
    return marks_ == nullptr || !marks_->IsDeleted(row, as_of_);
  }

 private:
  RowFilter() = default;

  const DeletionMarks* marks_ = nullptr;  // null when nothing is deleted
  Label as_of_ = 0;
  const PointNumber* numbers_ = nullptr;
  const PointSet* allowed_ = nullptr;
};

// The rows that the filter made of `rows` and `allowed` accepts, ascending. When the set is small
// and the rows are known by number, only its own numbers are looked up.
std::vector<uint32_t> AcceptedRows(const Rows& rows, const RowFilter& filter,
                                   const PointSet& allowed);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_ROW_FILTER_H_
