// The segments of an index: who may change them, and how readers see them.
#ifndef VECNEST_INDEX_SEGMENT_SET_H_
#define VECNEST_INDEX_SEGMENT_SET_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "index/growing_segment.h"
#include "index/metric.h"
#include "index/rows.h"
#include "index/sealed_segment.h"
#include "index/types.h"

namespace vecnest::index {

// Immutable once published. Together the segments cover ascending, disjoint ranges of labels: the
// sealed ones first, then the growing ones, of which only the last receives.
struct SegmentList {
  std::vector<std::shared_ptr<SealedSegment>> sealed;
  std::vector<std::shared_ptr<GrowingSegment>> growing;
  Label as_of = 0;  // largest label when the list was published
};

// What one reader sees: the rows of `list` with labels up to `as_of` whose marks, if any, are
// larger than `as_of`. (as_of is read before the list, so the list covers it; a list that came
// later may have dropped rows that were deleted by its own as_of, hence the larger of the two.)
struct SetView {
  std::shared_ptr<const SegmentList> list;
  Label as_of = 0;

  // All blocks of rows in ascending order of label, cut at as_of.
  std::vector<Rows> Blocks() const;
};

// What a newly built segment takes the place of.
struct Replaced {
  std::vector<std::shared_ptr<SealedSegment>> sealed;
  std::vector<std::shared_ptr<GrowingSegment>> growing;

  std::vector<Rows> Blocks() const;
};

// Thread safety: View from any thread, for the time of a pointer copy under a lock that no writer
// holds longer than that. The changing calls may come from different threads; a mutex orders them,
// and none of them builds or does IO under it.
class SegmentSet {
 public:
  // `metric` is that of the graphs. `format`: that the vectors which are added were rounded to.
  SegmentSet(size_t dimensions, Metric metric, ValueFormat format,
             std::vector<std::shared_ptr<SealedSegment>> sealed, Label last_label);

  SetView View() const;

  // False when the label is not larger than all before it.
  bool Add(Label label, const PointKey& key, PointNumber number, absl::Span<const float> vector,
           float inverse_norm);

  // False when no live row has this label.
  bool Delete(Label label);

  // Starts a new growing segment when the present one holds at least `min_count` rows, so that the
  // old one stays as it is but for marks.
  void Freeze(size_t min_count);

  // Segments that grow from the next one on have codes for this metric.
  void SetMetric(Metric metric);

  // Puts `segment` (null: nothing is left) in the place of what it was built from, and marks in it
  // the rows that were deleted while it was being built. Of nothing it may be as well, with labels
  // that no other segment has.
  void Publish(const Replaced& replaced, std::shared_ptr<SealedSegment> segment);

  // Runs `read` with the list and the largest label seen, while nothing changes.
  template <class Function>
  auto WithWritersStopped(const Function& read) const {
    const absl::MutexLock lock(&writer_mutex_);
    return read(*View().list, last_label_.load());
  }

  bool unit_norm() const { return not_unit_.load(std::memory_order_relaxed) == 0; }

 private:
  void Swap(SegmentList list) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);

  const size_t dimensions_;
  const ValueFormat format_;
  mutable absl::Mutex writer_mutex_ ABSL_ACQUIRED_BEFORE(list_mutex_);
  Metric metric_ ABSL_GUARDED_BY(writer_mutex_);
  mutable absl::Mutex list_mutex_;
  std::shared_ptr<const SegmentList> list_ ABSL_GUARDED_BY(list_mutex_);
  std::atomic<Label> last_label_;      // stored after the row it belongs to
  std::atomic<int64_t> not_unit_ = 0;  // live rows whose length is not 1
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_SEGMENT_SET_H_
