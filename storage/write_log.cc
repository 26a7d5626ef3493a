#include "storage/write_log.h"

#include <cstring>
#include <string>

#include "fmt/format.h"

namespace vecnest::storage {
namespace {

// Written by every Append: the sequence survives even when the log has been trimmed.
constexpr std::string_view kLastSequenceKey = "last_sequence";

std::string EncodeSequence(Sequence sequence) {
  std::string bytes(sizeof(sequence), '\0');
  std::memcpy(bytes.data(), &sequence, sizeof(sequence));
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalWriteLog>> LocalWriteLog::Open(Store* store) {
  auto stored = store->Get(Family::kMeta, kLastSequenceKey);
  if (!stored.ok()) return stored.status();
  Sequence last = 0;
  if (const std::optional<std::string>& bytes = *stored) {
    if (bytes->size() != sizeof(last)) {
      return absl::DataLossError(fmt::format("the record '{}' has {} bytes, expected {}",
                                             kLastSequenceKey, bytes->size(), sizeof(last)));
    }
    std::memcpy(&last, bytes->data(), sizeof(last));
  }
  return std::unique_ptr<LocalWriteLog>(new LocalWriteLog(store, last));
}

absl::StatusOr<Sequence> LocalWriteLog::Append(const CollectionId& collection,
                                               std::string_view command, Apply apply) {
  absl::MutexLock lock(&append_mutex_);
  const Sequence sequence = last_ + 1;
  Batch batch;
  if (auto status = apply(sequence, batch); !status.ok()) return status;
  batch.Put(Family::kLog, LogKey(collection, sequence), command);
  batch.Put(Family::kMeta, kLastSequenceKey, EncodeSequence(sequence));
  if (auto status = store_->Write(batch); !status.ok()) return status;
  last_ = sequence;
  return sequence;
}

absl::Status LocalWriteLog::Sync(Sequence sequence) {
  absl::MutexLock lock(&sync_mutex_);
  while (true) {
    if (synced_ >= sequence) return absl::OkStatus();
    if (!syncing_) break;
    sync_mutex_.Await(absl::Condition(+[](bool* syncing) { return !*syncing; }, &syncing_));
  }
  // This thread flushes for everybody who has written so far.
  syncing_ = true;
  const Sequence covered = last_sequence();
  sync_mutex_.Unlock();
  absl::Status status = store_->Sync();
  sync_mutex_.Lock();
  syncing_ = false;
  if (status.ok()) synced_ = covered;
  return status;
}

absl::Status LocalWriteLog::Replay(
    const CollectionId& collection, Sequence after,
    absl::FunctionRef<absl::Status(Sequence, std::string_view)> visit) const {
  auto cursor = store_->Scan(Family::kLog, LogPrefix(collection), LogKey(collection, after + 1));
  for (; cursor->Valid(); cursor->Next()) {
    const auto sequence = ParseLogKey(cursor->key());
    if (!sequence) return absl::DataLossError("a key of the log is not well-formed");
    if (auto status = visit(*sequence, cursor->value()); !status.ok()) return status;
  }
  return cursor->status();
}

void LocalWriteLog::Trim(const CollectionId& collection, Sequence through, Batch& batch) {
  batch.DeleteRange(Family::kLog, LogPrefix(collection), LogKey(collection, through + 1));
}

Sequence LocalWriteLog::last_sequence() const {
  absl::MutexLock lock(&append_mutex_);
  return last_;
}

}  // namespace vecnest::storage
