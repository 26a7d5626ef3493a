// The one seam that every mutation passes: a command is given a sequence number, and whoever
// applies it writes its effect together with the log's own record, in one batch.
//
// Today's only implementation is local. Another one (a broker) keeps the same contract: commands
// are self-contained, sequences rise, and both asking for a command's effect and replaying it may
// happen twice.
#ifndef VECNEST_STORAGE_WRITE_LOG_H_
#define VECNEST_STORAGE_WRITE_LOG_H_

#include <functional>
#include <memory>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "storage/keys.h"
#include "storage/store.h"

namespace vecnest::storage {

// Thread-safe, but commands of one collection are appended by one thread at a time.
class WriteLog {
 public:
  // Adds the command's effect to the batch. Deterministic; an error keeps the command out.
  using Apply = absl::FunctionRef<absl::Status(Sequence, Batch&)>;

  virtual ~WriteLog() = default;

  // Gives the command the next sequence and commits it with what `apply` adds. Visible to reads
  // on return; durable against a power cut after Sync(sequence).
  virtual absl::StatusOr<Sequence> Append(const CollectionId& collection, std::string_view command,
                                          Apply apply) = 0;

  // Waits until everything up to `sequence` is on the disk. Callers that wait together share one
  // flush (group commit).
  virtual absl::Status Sync(Sequence sequence) = 0;

  // Calls `visit` for the collection's commands with sequences above `after`, in order; stops at
  // its first error.
  virtual absl::Status Replay(
      const CollectionId& collection, Sequence after,
      absl::FunctionRef<absl::Status(Sequence, std::string_view)> visit) const = 0;

  // Forgets the collection's commands up to and including `through`: adds that to `batch`.
  virtual void Trim(const CollectionId& collection, Sequence through, Batch& batch) = 0;

  virtual Sequence last_sequence() const = 0;
};

// Keeps commands in the store's own log family; the store outlives the log.
class LocalWriteLog final : public WriteLog {
 public:
  static absl::StatusOr<std::unique_ptr<LocalWriteLog>> Open(Store* store);

  absl::StatusOr<Sequence> Append(const CollectionId& collection, std::string_view command,
                                  Apply apply) override;
  absl::Status Sync(Sequence sequence) override;
  absl::Status Replay(
      const CollectionId& collection, Sequence after,
      absl::FunctionRef<absl::Status(Sequence, std::string_view)> visit) const override;
  void Trim(const CollectionId& collection, Sequence through, Batch& batch) override;
  Sequence last_sequence() const override;

 private:
  LocalWriteLog(Store* store, Sequence last) : store_(store), last_(last), synced_(last) {}

  Store* const store_;
  mutable absl::Mutex append_mutex_;
  Sequence last_ ABSL_GUARDED_BY(append_mutex_);

  absl::Mutex sync_mutex_ ABSL_ACQUIRED_BEFORE(append_mutex_);
  bool syncing_ ABSL_GUARDED_BY(sync_mutex_) = false;
  Sequence synced_ ABSL_GUARDED_BY(sync_mutex_);
};

}  // namespace vecnest::storage

#endif  // VECNEST_STORAGE_WRITE_LOG_H_
