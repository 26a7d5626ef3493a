// Payload indexes of a shard: loading, checkpoints, making and removing them.

#include <algorithm>
#include <set>

#include "engine/byte_io.h"
#include "engine/shard.h"
#include "fmt/format.h"
#include "spdlog/spdlog.h"

namespace vecnest::engine {
namespace {

using storage::Batch;
using storage::Family;
using storage::IndexPart;

constexpr size_t kCheckpointPieceBytes = size_t{1} << 20;
// A checkpoint is due when more points have changed than this and a fifth of all.
constexpr size_t kMinChangesPerCheckpoint = 10'000;
constexpr size_t kPointsPerRead = 1024;

}  // namespace

absl::Status Shard::LoadPayloadIndexes() {
  auto loaded = LoadCheckpoint();
  if (!loaded.ok() && !absl::IsDataLoss(loaded.status())) return loaded.status();
  if (!loaded.ok()) {
    repairs_.push_back(fmt::format("the payload indexes were damaged and were built anew: {}",
                                   std::string(loaded.status().message())));
    spdlog::warn("collection '{}': {}", definition()->name, repairs_.back());
  }
  if (!loaded.ok() || !*loaded) {
    if (auto status = AssignMissingNumbers(); !status.ok()) return status;
    changed_points_ = points();
    return Rebuild(payload_indexes_);
  }
  // What was made or removed since the checkpoint.
  const auto meaning = definition();
  const auto present = payload_indexes_.Describe();
  for (const auto& [field, info] : present) {
    if (!meaning->payload_indexes.contains(field)) payload_indexes_.RemoveField(field);
  }
  for (const auto& [field, config] : meaning->payload_indexes) {
    const auto found = present.find(field);
    if (found != present.end() && found->second.config == config) continue;
    auto index = BuildField(field, config, nullptr);
    if (!index.ok()) return index.status();
    payload_indexes_.AddField(*std::move(index));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Shard::LoadCheckpoint() {
  std::string bytes;
  const std::string prefix = storage::IndexPrefix(IndexPart::kCheckpoint, definition()->id);
  auto cursor = environment_.store->Scan(Family::kIndexes, prefix);
  for (; cursor->Valid(); cursor->Next()) bytes += cursor->value();
  if (auto status = cursor->status(); !status.ok()) return status;
  if (bytes.empty()) return false;
  auto sequence = payload_indexes_.Decode(bytes);
  if (!sequence.ok()) return sequence.status();
  auto changes = ChangesAfter(*sequence);
  if (!changes.ok()) return changes.status();
  changed_points_ = changes->count;
  if (auto status = payload_indexes_.Reload(changes->numbers, changes->points); !status.ok()) {
    return status;
  }
  return true;
}

absl::StatusOr<Shard::Changes> Shard::ChangesAfter(storage::Sequence after) const {
  const storage::CollectionId collection = definition()->id;
  Changes changes;
  std::set<PointId> ids;
  auto cursor = environment_.store->Scan(
      Family::kIndexes, storage::IndexPrefix(IndexPart::kChanges, collection),
      storage::IndexKey(IndexPart::kChanges, collection, after + 1));
  for (; cursor->Valid(); cursor->Next()) {
    auto numbered = DecodeNumbered(cursor->value());
    if (!numbered.ok()) return numbered.status();
    for (const auto& [key, number] : *numbered) {
      ids.insert(ToPointId(key));
      changes.numbers.add(number);
    }
    changes.count += numbered->size();
  }
  if (auto status = cursor->status(); !status.ok()) return status;
  auto points = Read({ids.begin(), ids.end()});
  if (!points.ok()) return points.status();
  for (StoredPoint& point : *points) {
    changes.points.push_back({ToStorageKey(point.id), std::move(point.record)});
  }
  return changes;
}

// Points written before there were numbers.
absl::Status Shard::AssignMissingNumbers() {
  Roaring taken;
  std::vector<PointId> missing;
  auto status = ForEach([&](const PointId& id, const PointRecord& record) {
    if (record.number == kNoNumber) {
      missing.push_back(id);
    } else {
      taken.add(record.number);
    }
    return true;
  });
  if (!status.ok()) return status;
  const storage::CollectionId collection = definition()->id;
  PointNumber next = 0;
  for (size_t begin = 0; begin < missing.size(); begin += kPointsPerRead) {
    const size_t end = std::min(begin + kPointsPerRead, missing.size());
    auto points = Read({missing.begin() + static_cast<std::ptrdiff_t>(begin),
                        missing.begin() + static_cast<std::ptrdiff_t>(end)});
    if (!points.ok()) return points.status();
    Batch batch;
    for (StoredPoint& point : *points) {
      while (taken.contains(next)) ++next;
      point.record.number = next++;
      batch.Put(Family::kPoints, storage::PointsKey(collection, ToStorageKey(point.id)),
                point.record.Encode());
    }
    if (status = environment_.store->Write(batch); !status.ok()) return status;
  }
  return missing.empty() ? absl::OkStatus() : environment_.store->Sync();
}

absl::Status Shard::Rebuild(PayloadIndexes& indexes) const {
  indexes.Clear();
  const auto meaning = definition();
  for (const auto& [field, config] : meaning->payload_indexes) {
    auto index = FieldIndex::Create(field, config);
    if (!index.ok()) return index.status();
    indexes.AddField(*std::move(index));
  }
  absl::Status failure;
  std::vector<PayloadIndexes::StoredNumber> points;
  const auto add = [&] {
    failure = indexes.Reload({}, points);
    points.clear();
    return failure.ok();
  };
  auto status = ForEach([&](const PointId& id, const PointRecord& record) {
    points.push_back({ToStorageKey(id), record});
    return points.size() < kPointsPerRead || add();
  });
  if (!status.ok() || !failure.ok()) return status.ok() ? failure : status;
  add();
  return failure;
}

absl::StatusOr<FieldIndex> Shard::BuildField(const std::string& field,
                                             const PayloadIndexConfig& config,
                                             const storage::Snapshot* snapshot) const {
  auto index = FieldIndex::Create(field, config);
  if (!index.ok()) return index.status();
  absl::Status failure;
  auto status = ForEachAt(snapshot, [&](const PointId&, const PointRecord& record) {
    auto payload = StoredPayload(record);
    if (payload.ok()) index->Add(record.number, *payload);
    failure = payload.status();
    return failure.ok();
  });
  if (status.ok()) status = failure;
  if (!status.ok()) return status;
  return index;
}

absl::StatusOr<WriteResult> Shard::CreatePayloadIndex(const std::string& field,
                                                      const PayloadIndexConfig& config) {
  absl::MutexLock index_lock(&index_mutex_);
  WriteResult result;
  std::shared_ptr<const storage::Snapshot> snapshot;
  storage::Sequence start = 0;
  {
    absl::MutexLock lock(&write_mutex_);
    if (dropped_) return absl::NotFoundError("the collection was deleted");
    start = result.sequence = last_sequence_;
    const auto meaning = definition();
    const auto found = meaning->payload_indexes.find(field);
    if (found != meaning->payload_indexes.end() && found->second == config) return result;
    snapshot = environment_.store->TakeSnapshot();
  }
  auto index = BuildField(field, config, snapshot.get());
  if (!index.ok()) return index.status();
  {
    absl::MutexLock lock(&write_mutex_);
    if (dropped_) return absl::NotFoundError("the collection was deleted");
    // What was written meanwhile; there are no checkpoints that would have trimmed it.
    auto changes = ChangesAfter(start);
    if (!changes.ok()) return changes.status();
    index->RemoveAll(changes->numbers);
    for (const auto& [key, record] : changes->points) {
      auto payload = StoredPayload(record);
      if (!payload.ok()) return payload.status();
      index->Add(record.number, *payload);
    }
    auto updated = std::make_shared<Definition>(*definition());
    updated->payload_indexes[field] = config;
    if (auto status = StoreDefinition(std::move(updated)); !status.ok()) return status;
    payload_indexes_.AddField(*std::move(index));
    result.sequence = last_sequence_;
  }
  if (auto status = WriteCheckpointNow(); !status.ok()) return status;
  return result;
}

absl::StatusOr<WriteResult> Shard::DeletePayloadIndex(const std::string& field) {
  absl::MutexLock index_lock(&index_mutex_);
  absl::MutexLock lock(&write_mutex_);
  if (dropped_) return absl::NotFoundError("the collection was deleted");
  WriteResult result;
  result.sequence = last_sequence_;
  auto updated = std::make_shared<Definition>(*definition());
  if (updated->payload_indexes.erase(field) == 0) return result;
  if (auto status = StoreDefinition(std::move(updated)); !status.ok()) return status;
  payload_indexes_.RemoveField(field);
  return result;
}

bool Shard::NeedsCheckpoint() const {
  return changed_points_ > std::max<size_t>(kMinChangesPerCheckpoint, points() / 5);
}

absl::Status Shard::WriteCheckpoint() {
  absl::MutexLock lock(&index_mutex_);
  return changed_points_ == 0 ? absl::OkStatus() : WriteCheckpointNow();
}

absl::Status Shard::WriteCheckpointNow() {
  // Writes wait: the checkpoint is of one sequence.
  absl::MutexLock lock(&write_mutex_);
  if (dropped_) return absl::OkStatus();
  const storage::CollectionId id = definition()->id;
  const storage::Sequence sequence = last_sequence_;
  const std::string bytes = payload_indexes_.Encode(sequence);
  Batch batch;
  batch.DeletePrefix(Family::kIndexes, storage::IndexPrefix(IndexPart::kCheckpoint, id));
  for (size_t begin = 0; begin < bytes.size(); begin += kCheckpointPieceBytes) {
    batch.Put(Family::kIndexes, storage::IndexKey(IndexPart::kCheckpoint, id, begin),
              std::string_view(bytes).substr(begin, kCheckpointPieceBytes));
  }
  batch.DeleteRange(Family::kIndexes, storage::IndexPrefix(IndexPart::kChanges, id),
                    storage::IndexKey(IndexPart::kChanges, id, sequence + 1));
  if (auto status = environment_.store->Write(batch); !status.ok()) return status;
  changed_points_ = 0;
  return absl::OkStatus();
}

absl::Status Shard::Close() { return WriteCheckpoint(); }

absl::Status Shard::VerifyPayloadIndexes(std::string& difference) const {
  PayloadIndexes fresh(definition()->slots.size());
  if (auto status = Rebuild(fresh); !status.ok()) return status;
  difference = payload_indexes_.DifferenceFrom(fresh);
  return absl::OkStatus();
}

}  // namespace vecnest::engine
