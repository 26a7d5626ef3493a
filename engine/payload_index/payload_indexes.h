// The payload indexes of a shard. Start reading the folder here.
//
// Every point has a number (point_numbers.h), which its record names as well. Bitmaps over numbers
// say which points have which vectors, and a field index (field_index.h) which points have which
// values: sets of numbers by word (number_set.h) or values in order (sorted_runs.h), both of the
// terms of a payload (field_terms.h). A filter is combined of them (filter_evaluation.h) to points
// that certainly and that possibly pass (selection.h); only what lies between has its payload read.
//
// The way of a write: the shard commits records, the command and a "dirty" record of the numbers
// it changed in one batch, then calls Apply. A checkpoint is the whole of this in one value, with
// the sequence it is of. A start decodes the checkpoint and calls Reload for the points that later
// dirty records name: their numbers are forgotten everywhere and read anew from the records, so
// neither a write that was lost nor one that was applied twice leaves a trace.
#ifndef VECNEST_ENGINE_PAYLOAD_INDEX_PAYLOAD_INDEXES_H_
#define VECNEST_ENGINE_PAYLOAD_INDEX_PAYLOAD_INDEXES_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "engine/payload_index/field_index.h"
#include "engine/payload_index/filter_evaluation.h"
#include "engine/payload_index/point_numbers.h"
#include "engine/record.h"
#include "vecnest/database.h"

namespace vecnest::engine {

// A point before and after a write; nothing where it is not there.
struct TouchedPoint {
  storage::PointKey key;
  PointNumber number = kNoNumber;
  std::optional<PointRecord> old;
  std::optional<PointRecord> now;
};

// Thread-safe: readers share a lock while they read, writers come one at a time. Errors: DataLoss
// for payloads and checkpoints that can't be read.
class PayloadIndexes {
 public:
  explicit PayloadIndexes(size_t slots) : with_vector_(slots) {}

  // -- Writes.
  absl::Status Apply(const std::vector<TouchedPoint>& points);
  struct StoredNumber {
    storage::PointKey key;
    PointRecord record;
  };
  // Forgets `numbers` and adds these points, whose numbers are among them or were free.
  absl::Status Reload(const Roaring& numbers, const std::vector<StoredNumber>& points);
  void Clear();
  // Puts the index in the place of one of the same field.
  void AddField(FieldIndex index);
  bool RemoveField(std::string_view field);

  // -- Reads.
  std::vector<PointNumber> NextFree(size_t count) const;
  using SlotOf = absl::FunctionRef<std::optional<Slot>(std::string_view)>;
  using NumbersOf = absl::FunctionRef<absl::StatusOr<Roaring>(const std::vector<PointId>&)>;
  absl::StatusOr<FilterEvaluation> Evaluate(const Filter& filter, SlotOf slot_of,
                                            NumbersOf numbers_of) const;
  // Those of `numbers` that have a vector in this slot.
  Roaring WithVector(Slot slot, Roaring numbers) const;

  // The points of those numbers that are in use.
  std::vector<NumberedKey> KeysOf(const Roaring& numbers) const;
  // NotFound: the field has no index. `among`: null for all points.
  absl::StatusOr<std::vector<FacetHit>> Facet(const std::string& field, const Roaring* among,
                                              size_t limit) const;
  std::map<std::string, PayloadIndexInfo> Describe() const;
  size_t MemoryBytes() const;

  // -- Checkpoints.
  std::string Encode(storage::Sequence sequence) const;
  // Replaces everything by what the checkpoint holds, and tells the sequence it is of.
  absl::StatusOr<storage::Sequence> Decode(std::string_view bytes);

  // What differs, in words; empty: nothing does.
  std::string DifferenceFrom(const PayloadIndexes& other) const;

 private:
  struct TermChange {
    FieldTerms old_terms;
    FieldTerms terms;
  };
  using TermChanges = std::vector<TermChange>;  // by field; empty: nothing changes
  absl::StatusOr<TermChanges> TermsOf(const TouchedPoint& point) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  PointNumbers numbers_ ABSL_GUARDED_BY(mutex_);
  std::vector<Roaring> with_vector_ ABSL_GUARDED_BY(mutex_);  // by slot
  std::vector<FieldIndex> fields_ ABSL_GUARDED_BY(mutex_);    // by name
};

// The payload as JSON, to index or to match. DataLoss: it can't be read.
absl::StatusOr<Json> StoredPayload(const PointRecord& record);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_INDEX_PAYLOAD_INDEXES_H_
