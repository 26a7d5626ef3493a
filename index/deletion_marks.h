// Which rows of a segment were deleted, and when.
//
// "When" is the largest label that the index had seen at that moment. A reader that fixed its own
// view at label L takes a row for deleted when its mark is at most L. So an update (Add of the new
// version, then Delete of the old one) is atomic for readers: whoever sees the old version deleted
// has a view that contains the new one.
#ifndef VECNEST_INDEX_DELETION_MARKS_H_
#define VECNEST_INDEX_DELETION_MARKS_H_

#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "index/types.h"

namespace vecnest::index {

// Marks are set by one thread at a time and read by any number of threads without locks.
class DeletionMarks {
 public:
  explicit DeletionMarks(size_t rows);

  // False when the row is marked already.
  bool Mark(size_t row, Label at);

  bool IsDeleted(size_t row, Label as_of) const {
    return marks_[row].load(std::memory_order_acquire) <= as_of;
  }
  bool IsDeleted(size_t row) const { return IsDeleted(row, kNever - 1); }

  // kNever when the row is live.
  Label DeletedAt(size_t row) const { return marks_[row].load(std::memory_order_acquire); }

  // Rows marked so far; none at all is the common case and worth a shortcut.
  size_t count() const { return count_.load(std::memory_order_acquire); }
  size_t rows() const { return rows_; }
  size_t memory_bytes() const { return rows_ * sizeof(Label); }

  // The marked rows as a Roaring bitmap in its portable format; empty when there are none.
  std::string Serialize() const;

  // Marks the rows of a serialized bitmap as deleted ever since. DataLoss when it is not a bitmap
  // or names a row that does not exist; some rows may be marked then.
  absl::Status MarkSerialized(std::string_view bitmap);

  static constexpr Label kNever = std::numeric_limits<Label>::max();

 private:
  const size_t rows_;
  const std::unique_ptr<std::atomic<Label>[]> marks_;
  std::atomic<size_t> count_ = 0;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_DELETION_MARKS_H_
