// Background work of a shard: sealing, merging, manifests, and writes that wait for it.

#include <algorithm>
#include <chrono>
#include <thread>

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
  for (const auto& index : indexes_) most = std::max(most, index->Stats().growing);
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
  for (const auto& index : indexes_) {
    if (index->NeedsMaintenance()) return true;
  }
  return log_bytes_ > environment_.log_bytes_per_manifest || NeedsCheckpoint();
}

absl::Status Shard::WorkOff(BackgroundWork work, const std::atomic<bool>& stop) {
  for (const auto& index : indexes_) {
    while (!stop) {
      auto worked = (*index.*work)(&stop);
      if (!worked.ok()) return worked.status();
      if (!*worked) break;
      if (auto status = CommitManifest(); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Shard::Merge(const std::atomic<bool>& stop) {
  absl::MutexLock lock(&merge_mutex_);
  return WorkOff(&index::VectorIndex::MergeSome, stop);
}

absl::Status Shard::Seal(const std::atomic<bool>& stop) {
  absl::MutexLock lock(&seal_mutex_);
  if (auto status = WorkOff(&index::VectorIndex::SealFull, stop); !status.ok()) return status;
  if (NeedsCheckpoint() && !stop) {
    if (auto status = WriteCheckpoint(); !status.ok()) return status;
  }
  if (log_bytes_ <= environment_.log_bytes_per_manifest || stop) return absl::OkStatus();
  for (const auto& index : indexes_) {
    if (auto status = index->SealAll(&stop); !status.ok()) return status;
  }
  return CommitManifest();
}

absl::Status Shard::Optimize() {
  absl::MutexLock seal_lock(&seal_mutex_);
  absl::MutexLock merge_lock(&merge_mutex_);
  for (const auto& index : indexes_) {
    if (auto status = index->SealAll(); !status.ok()) return status;
    while (true) {
      auto worked = index->Maintain();
      if (!worked.ok()) return worked.status();
      if (!*worked) break;
    }
  }
  if (auto status = WriteCheckpoint(); !status.ok()) return status;
  return CommitManifest();
}

absl::Status Shard::CommitManifest() {
  // Files are removed by the manifest that was committed last.
  absl::MutexLock manifest_lock(&manifest_mutex_);
  const storage::CollectionId id = definition()->id;
  ShardManifest manifest;
  {
    absl::MutexLock lock(&write_mutex_);
    if (dropped_) return absl::OkStatus();
    manifest.contained = last_sequence_;
    for (const auto& index : indexes_) {
      manifest.slots.push_back(index->TakeManifest());
      if (index->Stats().growing == 0) continue;
      // The command that the last sealed vector came with may be half in: replay it whole.
      const Sequence through = SequenceOf(manifest.slots.back().persisted_through);
      manifest.contained = std::min<Sequence>(manifest.contained, through == 0 ? 0 : through - 1);
    }
    manifest.contained = std::max(manifest.contained, contained_);
    Batch batch;
    batch.Put(Family::kMeta, ManifestKey(id), manifest.Encode());
    batch.DeleteRange(Family::kMeta, DeadPrefix(id), DeadKey(id, manifest.contained + 1));
    environment_.log->Trim(id, manifest.contained, batch);
    if (auto status = environment_.store->Write(batch); !status.ok()) return status;
    LogTrimmed(manifest.contained);
    contained_ = manifest.contained;
  }
  // Old files go only when no power cut can bring their manifest back.
  if (auto status = environment_.store->Sync(); !status.ok()) return status;
  for (size_t slot = 0; slot < indexes_.size(); ++slot) {
    indexes_[slot]->RemoveObsoleteFiles(manifest.slots[slot]);
  }
  return absl::OkStatus();
}

}  // namespace vecnest::engine
