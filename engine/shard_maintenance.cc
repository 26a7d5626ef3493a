// Background work of a shard: sealing, merging, manifests, and writes that wait for it.

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "engine/shard.h"
#include "engine/shard_keys.h"
#include "engine/write_delay.h"

namespace vecnest::engine {
namespace {

using storage::Batch;
using storage::Family;
using storage::Sequence;

// How soon a delayed write notices that it need not wait any longer.
constexpr std::chrono::milliseconds kDelaySlice(10);

}  // namespace

size_t Shard::MostUnsealed() const {
  size_t most = 0;
  for (const auto& slot : Indexes()) most = std::max(most, slot->index().Stats().growing);
  return most;
}

absl::Status Shard::AwaitGraphs(size_t vectors, const CallLimits& limits) const {
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    if (auto status = limits.Check(); !status.ok()) return status;
    const absl::Duration delay = WriteDelay(vectors, MostUnsealed(), environment_.seal_threshold);
    const auto left = start + absl::ToChronoNanoseconds(delay) - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds::zero()) return absl::OkStatus();
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, kDelaySlice));
  }
}

bool Shard::NeedsMaintenance() const {
  for (const auto& slot : Indexes()) {
    if (slot->index().NeedsMaintenance()) return true;
  }
  return log_bytes_ > environment_.log_bytes_per_manifest || NeedsCheckpoint();
}

bool Shard::NeedsRest() const {
  const SlotIndexes indexes = Indexes();
  return std::any_of(indexes.begin(), indexes.end(),
                     [](const auto& slot) { return slot->index().NeedsRest(); });
}

absl::StatusOr<bool> Shard::WorkOnEach(BackgroundWork work, const std::atomic<bool>& stop) {
  bool any = false;
  const SlotIndexes indexes = Indexes();
  for (Slot slot = 0; slot < indexes.size(); ++slot) {
    if (stop || IsDropped()) return false;
    auto worked = (indexes[slot]->index().*work)(&stop);
    // Its files went while it was worked on.
    if (!worked.ok() && (IsDropped() || IndexOf(slot) != indexes[slot])) return false;
    if (!worked.ok()) return worked;
    if (!*worked) continue;
    any = true;
    if (auto status = CommitManifest(); !status.ok()) return status;
  }
  return any;
}

bool Shard::IsDropped() const {
  absl::MutexLock lock(&write_mutex_);
  return dropped_;
}

absl::StatusOr<bool> Shard::Merge(const std::atomic<bool>& stop) {
  // MergeAtRest and Optimize hold it for long, as SetAdaptor does the other one.
  if (!merge_mutex_.TryLock()) return false;
  const absl::Cleanup unlock = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { merge_mutex_.Unlock(); };
  return WorkOnEach(&index::VectorIndex::MergeSome, stop);
}

absl::StatusOr<bool> Shard::WorkAtRest(absl::Mutex& mutex, BackgroundWork work,
                                       const std::atomic<bool>& stop) {
  if (!mutex.TryLock()) return absl::UnavailableError("other background work is under way");
  const absl::Cleanup unlock = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.Unlock(); };
  return WorkOnEach(work, stop);
}

absl::StatusOr<bool> Shard::SealAtRest(const std::atomic<bool>& stop) {
  return WorkAtRest(seal_mutex_, &index::VectorIndex::SealAtRest, stop);
}

absl::StatusOr<bool> Shard::MergeAtRest(const std::atomic<bool>& stop) {
  return WorkAtRest(merge_mutex_, &index::VectorIndex::MergeAtRest, stop);
}

absl::StatusOr<bool> Shard::Seal(const std::atomic<bool>& stop) {
  // SetAdaptor holds it for long, and then has somebody call again; other shards are not to wait.
  if (!seal_mutex_.TryLock()) return false;
  const absl::Cleanup unlock = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { seal_mutex_.Unlock(); };
  auto worked = WorkOnEach(&index::VectorIndex::SealFull, stop);
  if (!worked.ok() || stop) return worked;
  if (NeedsCheckpoint()) {
    if (auto status = WriteCheckpoint(); !status.ok()) return status;
  }
  if (*worked || log_bytes_ <= environment_.log_bytes_per_manifest) return worked;
  for (const auto& slot : Indexes()) {
    if (auto status = slot->index().SealAll(&stop); !status.ok()) return status;
  }
  if (auto status = CommitManifest(); !status.ok()) return status;
  return false;
}

absl::Status Shard::OptimizeIndex(index::VectorIndex& index) {
  if (auto status = index.SealAll(); !status.ok()) return status;
  while (true) {
    auto worked = index.MergeSome();
    if (worked.ok() && !*worked) worked = index.MergeAtRest();
    if (!worked.ok()) return worked.status();
    if (!*worked) return absl::OkStatus();
  }
}

absl::Status Shard::Optimize() {
  // Sealing in the background goes on: here a merge may be waited for, and may be a long one.
  absl::MutexLock lock(&merge_mutex_);
  const size_t slots = Indexes().size();
  for (Slot slot = 0; slot < slots;) {
    const std::shared_ptr<SlotIndex> index = IndexOf(slot);
    const absl::Status status = OptimizeIndex(index->index());
    if (IndexOf(slot) != index) continue;  // it was replaced meanwhile
    if (!status.ok()) return status;
    ++slot;
  }
  if (auto status = WriteCheckpoint(); !status.ok()) return status;
  return CommitManifest();
}

absl::StatusOr<ShardManifest> Shard::WriteManifest(const SlotIndexes& indexes, Batch batch) {
  const storage::CollectionId id = definition()->id;
  ShardManifest manifest;
  manifest.contained = last_sequence_;
  for (const auto& slot : indexes) {
    // Looked at first: what is sealed meanwhile may still be missing in the manifest.
    const bool all_sealed = slot->index().Stats().growing == 0;
    manifest.slots.push_back(slot->index().TakeManifest());
    if (all_sealed) continue;
    // The command that the last sealed vector came with may be half in: replay it whole.
    const Sequence through = SequenceOf(manifest.slots.back().persisted_through);
    manifest.contained = std::min<Sequence>(manifest.contained, through == 0 ? 0 : through - 1);
  }
  manifest.contained = std::max(manifest.contained, contained_);
  batch.Put(Family::kMeta, ManifestKey(id), manifest.Encode());
  batch.DeleteRange(Family::kMeta, DeadPrefix(id), DeadKey(id, manifest.contained + 1));
  environment_.log->Trim(id, manifest.contained, batch);
  if (auto status = environment_.store->Write(batch); !status.ok()) return status;
  LogTrimmed(manifest.contained);
  contained_ = manifest.contained;
  return manifest;
}

absl::Status Shard::CommitManifest() {
  // Files are removed by the manifest that was committed last.
  absl::MutexLock manifest_lock(&manifest_mutex_);
  const SlotIndexes indexes = Indexes();  // replaced under this lock only
  absl::StatusOr<ShardManifest> manifest;
  {
    absl::MutexLock lock(&write_mutex_);
    if (dropped_) return absl::OkStatus();
    manifest = WriteManifest(indexes, Batch());
    if (!manifest.ok()) return manifest.status();
  }
  // Old files go only when no power cut can bring their manifest back.
  if (auto status = environment_.store->Sync(); !status.ok()) return status;
  for (size_t slot = 0; slot < indexes.size(); ++slot) {
    indexes[slot]->index().RemoveObsoleteFiles(manifest->slots[slot]);
  }
  return absl::OkStatus();
}

}  // namespace vecnest::engine
