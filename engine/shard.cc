#include "engine/shard.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <unordered_map>

#include "absl/cleanup/cleanup.h"
#include "engine/shard_keys.h"
#include "engine/vector_adaptor.h"
#include "engine/vector_check.h"
#include "fmt/format.h"
#include "spdlog/spdlog.h"

namespace vecnest::engine {
namespace {

using storage::Batch;
using storage::Family;
using storage::Sequence;

std::string EncodeCount(uint64_t count) {
  return {reinterpret_cast<const char*>(&count), sizeof(count)};
}

// What a restart left behind that came in the middle of a change of adaptors.
void RemoveAllDirectoriesBut(const std::string& directory, const std::set<std::string>& kept) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (!kept.contains(entry.path().filename().string())) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
}

}  // namespace

void Shard::AddCreation(const Definition& definition, Batch& batch) {
  batch.Put(Family::kMeta, CollectionKey(definition.name), definition.Encode());
  batch.Put(Family::kMeta, CountKey(definition.id), EncodeCount(0));
}

void Shard::AddRemoval(const Definition& definition, Batch& batch) {
  batch.Delete(Family::kMeta, CollectionKey(definition.name));
  batch.Delete(Family::kMeta, ManifestKey(definition.id));
  batch.Delete(Family::kMeta, CountKey(definition.id));
  batch.DeletePrefix(Family::kMeta, AdaptorPrefix(definition.id));
  batch.DeletePrefix(Family::kMeta, DeadPrefix(definition.id));
  batch.DeletePrefix(Family::kLog, storage::LogPrefix(definition.id));
  for (const auto part : {storage::IndexPart::kCheckpoint, storage::IndexPart::kChanges}) {
    batch.DeletePrefix(Family::kIndexes, storage::IndexPrefix(part, definition.id));
  }
  for (int partition = 0; partition < storage::kPartitions; ++partition) {
    const std::string prefix =
        storage::PartitionPrefix(definition.id, static_cast<uint8_t>(partition));
    batch.DeletePrefix(Family::kPoints, prefix);
    batch.DeletePrefix(Family::kVectors, prefix);
  }
}

absl::StatusOr<std::vector<std::pair<std::string, absl::StatusOr<Definition>>>>
Shard::StoredDefinitions(const storage::Store& store) {
  std::vector<std::pair<std::string, absl::StatusOr<Definition>>> definitions;
  const std::string prefix = CollectionKey("");
  auto cursor = store.Scan(Family::kMeta, prefix);
  for (; cursor->Valid(); cursor->Next()) {
    definitions.emplace_back(cursor->key().substr(prefix.size()),
                             Definition::Decode(cursor->value()));
  }
  if (auto status = cursor->status(); !status.ok()) return status;
  return definitions;
}

absl::StatusOr<std::shared_ptr<Shard>> Shard::Open(const ShardEnvironment& environment,
                                                   Definition definition) {
  std::shared_ptr<Shard> shard(new Shard(environment, std::move(definition)));
  if (auto status = shard->Load(); !status.ok()) return status;
  return shard;
}

absl::Status Shard::Load() {
  const auto meaning = definition();
  auto count = environment_.store->Get(Family::kMeta, CountKey(meaning->id));
  if (!count.ok()) return count.status();
  uint64_t points = 0;
  const std::optional<std::string>& count_bytes = *count;
  if (!count_bytes || count_bytes->size() != sizeof(points)) {
    return absl::DataLossError("the collection's point count is missing or damaged");
  }
  std::memcpy(&points, count_bytes->data(), sizeof(points));
  points_ = points;

  ShardManifest manifest;
  manifest.slots.resize(meaning->slots.size());
  auto stored = environment_.store->Get(Family::kMeta, ManifestKey(meaning->id));
  if (!stored.ok()) return stored.status();
  if (const std::optional<std::string>& bytes = *stored) {
    auto decoded = ShardManifest::Decode(*bytes);
    if (!decoded.ok()) return decoded.status();
    if (decoded->slots.size() != meaning->slots.size()) {
      return absl::DataLossError("the manifest does not fit the collection's vectors");
    }
    manifest = *std::move(decoded);
  }
  // First, as segments that have to be rebuilt and the log want the numbers of points.
  if (auto status = LoadPayloadIndexes(); !status.ok()) return status;
  if (auto status = OpenIndexes(manifest); !status.ok()) return status;
  return Replay(manifest.contained);
}

absl::Status Shard::OpenIndexes(const ShardManifest& manifest) {
  const auto meaning = definition();
  const auto slots = static_cast<Slot>(meaning->slots.size());
  bool restored = false;
  std::set<std::string> directories;
  for (Slot slot = 0; slot < slots; ++slot) {
    const uint32_t generation = meaning->slots[slot].index_generation;
    directories.insert(std::filesystem::path(IndexDirectory(slot, generation)).filename().string());
    auto opened = OpenIndex(manifest.slots[slot], slot);
    if (!opened.ok()) return opened.status();
    for (const auto& [segment, reason] : opened->damaged) {
      spdlog::warn("collection '{}': rebuilding a segment from the store: {}", meaning->name,
                   std::string(reason.message()));
      if (auto status = RestoreSegment(slot, *opened->index, segment); !status.ok()) return status;
      repairs_.push_back(
          fmt::format("a segment file was damaged and was rebuilt from the store: {}",
                      std::string(reason.message())));
      restored = true;
    }
    absl::MutexLock lock(&indexes_mutex_);
    indexes_.push_back(std::move(opened->index));
  }
  RemoveAllDirectoriesBut(environment_.directory, directories);
  {
    absl::MutexLock lock(&write_mutex_);
    contained_ = manifest.contained;
    last_sequence_ = manifest.contained;
  }
  // Until the new files are listed, another start would take them for left-overs.
  return restored ? CommitManifest() : absl::OkStatus();
}

std::string Shard::IndexDirectory(Slot slot, uint32_t generation) const {
  const std::string first = fmt::format("{}/{}", environment_.directory, slot);
  return generation == 0 ? first : fmt::format("{}-{}", first, generation);
}

index::IndexConfig Shard::IndexConfigOf(const SlotDefinition& slot) const {
  index::IndexConfig config;
  config.dimensions = slot.config.size;
  config.metric = ToIndexMetric(slot.config.metric);
  config.values = ToValueFormat(slot.config.datatype);
  config.code_bits = ToCodeBits(slot.config.quantization);
  config.m = slot.config.hnsw.m;
  config.ef_construct = slot.config.hnsw.ef_construct;
  config.seal_threshold = environment_.seal_threshold;
  return config;
}

absl::StatusOr<SlotIndex::OpenResult> Shard::OpenIndex(const index::Manifest& manifest,
                                                       Slot slot) const {
  const auto meaning = definition();
  const SlotDefinition& defined = meaning->slots[slot];
  std::shared_ptr<const embedder::Adaptor> adaptor;
  if (defined.adapted) {
    auto stored = environment_.store->Get(Family::kMeta,
                                          AdaptorKey(meaning->id, slot, defined.index_generation));
    if (!stored.ok()) return stored.status();
    const std::optional<std::string>& bytes = *stored;
    if (!bytes) return absl::DataLossError("the adaptor of the collection's vectors is missing");
    auto decoded = embedder::Adaptor::Decode(*bytes);
    if (!decoded.ok()) return decoded.status();
    adaptor = *std::move(decoded);
  }
  return SlotIndex::Open(IndexDirectory(slot, defined.index_generation), IndexConfigOf(defined),
                         manifest, std::move(adaptor));
}

std::shared_ptr<SlotIndex> Shard::IndexOf(Slot slot) const {
  absl::MutexLock lock(&indexes_mutex_);
  return slot < indexes_.size() ? indexes_[slot] : nullptr;
}

Shard::SlotIndexes Shard::Indexes() const {
  absl::MutexLock lock(&indexes_mutex_);
  return indexes_;
}

absl::Status Shard::RestoreSegment(Slot slot, SlotIndex& index,
                                   const index::SegmentRecord& segment) {
  std::vector<index::Entry> entries;
  absl::Status failure;
  absl::Status status = ForEach([&](const PointId& id, const PointRecord& record) {
    const auto label = record.LabelOf(slot);
    if (!label || *label < segment.min_label || *label > segment.max_label) return true;
    auto vector = ReadVector(id, slot);
    if (vector.ok() && !*vector) vector = absl::DataLossError("a stored vector is missing");
    if (!vector.ok()) {
      failure = vector.status();
      return false;
    }
    entries.push_back({*label, ToIndexKey(id), record.number, std::move((*vector)->vector)});
    return true;
  });
  if (!status.ok()) return status;
  if (!failure.ok()) return failure;
  std::sort(entries.begin(), entries.end(),
            [](const index::Entry& a, const index::Entry& b) { return a.label < b.label; });
  return index.RestoreSegment(segment, std::move(entries));
}

absl::StatusOr<std::vector<PointNumber>> Shard::NumbersOf(
    const std::vector<PointChange>& changes) const {
  std::vector<std::string> keys;
  keys.reserve(changes.size());
  for (const PointChange& change : changes) {
    keys.push_back(storage::PointsKey(definition()->id, change.key));
  }
  auto stored = environment_.store->MultiGet(Family::kPoints, keys);
  if (!stored.ok()) return stored.status();
  // The vectors of a point that is gone are dead: any number will do.
  std::vector<PointNumber> numbers(changes.size(), 0);
  for (size_t i = 0; i < changes.size(); ++i) {
    const std::optional<std::string>& bytes = (*stored)[i];
    if (!bytes) continue;
    auto record = PointRecord::Decode(*bytes);
    if (!record.ok()) return record.status();
    numbers[i] = record->number;
  }
  return numbers;
}

absl::Status Shard::Replay(Sequence after) {
  const auto meaning = definition();
  absl::MutexLock lock(&write_mutex_);
  return environment_.log->Replay(
      meaning->id, after, [&](Sequence sequence, std::string_view command) -> absl::Status {
        write_mutex_.AssertHeld();
        auto changes = DecodeCommand(command);
        if (!changes.ok()) return changes.status();
        auto dead = environment_.store->Get(Family::kMeta, DeadKey(meaning->id, sequence));
        if (!dead.ok()) return dead.status();
        Effects effects;
        if (const std::optional<std::string>& bytes = *dead) {
          auto labels = DecodeLabels(*bytes);
          if (!labels.ok()) return labels.status();
          effects.dead = *std::move(labels);
        }
        auto numbers = NumbersOf(*changes);
        if (!numbers.ok()) return numbers.status();
        for (size_t i = 0; i < changes->size(); ++i) {
          effects.AddVectors(sequence, i, (*changes)[i], (*numbers)[i]);
        }
        LogGrew(sequence, command.size());
        last_sequence_ = sequence;
        absl::Status updated = UpdateIndexes(effects);
        if (!absl::IsInvalidArgument(updated)) return updated;
        // One vector that can't be searched must not take the collection with it.
        repairs_.push_back(fmt::format("a vector of command {} was left out of its index: {}",
                                       sequence, std::string(updated.message())));
        spdlog::error("collection '{}': {}", meaning->name, repairs_.back());
        return absl::OkStatus();
      });
}

std::shared_ptr<const Definition> Shard::definition() const {
  absl::MutexLock lock(&definition_mutex_);
  return definition_;
}

absl::Status Shard::Update(const CollectionUpdate& update) {
  absl::MutexLock lock(&write_mutex_);
  if (dropped_) return absl::NotFoundError("the collection was deleted");
  auto updated = std::make_shared<Definition>(*definition());
  std::map<Slot, index::Metric> metrics;
  for (const auto& [name, metric] : update.metrics) {
    auto slot = updated->RequireSlot(name);
    if (!slot.ok()) return slot.status();
    if (metric == Metric::kManhattan && updated->slots[*slot].adapted) {
      return absl::FailedPreconditionError(fmt::format(
          "vector '{}': its adaptor does not keep Manhattan distances; take it off first", name));
    }
    updated->slots[*slot].config.metric = metric;
    metrics[*slot] = ToIndexMetric(metric);
  }
  std::map<Slot, int> code_bits;
  for (const auto& [name, quantization] : update.quantizations) {
    auto slot = updated->RequireSlot(name);
    if (!slot.ok()) return slot.status();
    updated->slots[*slot].config.quantization = quantization;
    code_bits[*slot] = ToCodeBits(quantization);
  }
  if (update.quantization) {
    for (Slot slot = 0; slot < updated->slots.size(); ++slot) {
      if (!code_bits.emplace(slot, ToCodeBits(*update.quantization)).second) continue;
      updated->slots[slot].config.quantization = *update.quantization;
    }
  }
  if (auto status = StoreDefinition(std::move(updated)); !status.ok()) return status;
  for (const auto& [slot, bits] : code_bits) IndexOf(slot)->SetCodeBits(bits);
  for (const auto& [slot, metric] : metrics) IndexOf(slot)->index().SetMetric(metric);
  return absl::OkStatus();
}

absl::Status Shard::StoreDefinition(std::shared_ptr<const Definition> updated) {
  Batch batch;
  batch.Put(Family::kMeta, CollectionKey(updated->name), updated->Encode());
  if (auto status = environment_.store->Write(batch); !status.ok()) return status;
  if (auto status = environment_.store->Sync(); !status.ok()) return status;
  absl::MutexLock definition_lock(&definition_mutex_);
  definition_ = std::move(updated);
  return absl::OkStatus();
}

absl::StatusOr<WriteResult> Shard::Write(Decide decide,
                                         const std::map<Slot, ModelBinding>& bindings,
                                         Durability durability) {
  WriteResult result;
  {
    absl::MutexLock lock(&write_mutex_);
    if (dropped_) return absl::NotFoundError("the collection was deleted");
    auto changes = decide();
    if (!changes.ok()) return changes.status();
    result.sequence = last_sequence_;
    result.affected = changes->size();
    const auto last_with_vectors =
        std::find_if(changes->rbegin(), changes->rend(),
                     [](const PointChange& change) { return !change.vectors.empty(); });
    if (std::distance(last_with_vectors, changes->rend()) >
        static_cast<ptrdiff_t>(kMaxChangesPerCommand)) {
      return absl::InvalidArgumentError(
          fmt::format("{} points with vectors in one request, expected at most {}", changes->size(),
                      kMaxChangesPerCommand));
    }
    std::shared_ptr<const Definition> updated;
    if (auto status = CheckBindings(bindings, updated); !status.ok()) return status;
    if (auto status = RoundVectors(*definition(), *changes); !status.ok()) return status;
    // Once in the log a vector has to be taken by its index, now and at every start.
    if (auto status = CheckVectors(*definition(), *changes); !status.ok()) return status;
    if (auto status = CheckAdapted(*changes); !status.ok()) return status;
    // Without changes the caller still waits until what it wrote before is on the disk.
    if (!changes->empty()) {
      auto sequence = Append(*changes, std::move(updated));
      if (!sequence.ok()) return sequence.status();
      result.sequence = *sequence;
    }
  }
  if (durability == Durability::kSynced) {
    if (auto status = environment_.log->Sync(result.sequence); !status.ok()) return status;
  }
  return result;
}

absl::Status Shard::CheckAdapted(const std::vector<PointChange>& changes) const {
  const SlotIndexes indexes = Indexes();
  for (const PointChange& change : changes) {
    for (const VectorWrite& write : change.vectors) {
      if (auto status = indexes[write.slot]->Check(write.vector); !status.ok()) {
        return absl::InvalidArgumentError(fmt::format(
            "point {}: {}", ToPointId(change.key).ToString(), std::string(status.message())));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Shard::CheckBindings(const std::map<Slot, ModelBinding>& bindings,
                                  std::shared_ptr<const Definition>& updated) const {
  const auto current = definition();
  auto changed = std::make_shared<Definition>(*current);
  bool any = false;
  for (const auto& [slot, binding] : bindings) {
    SlotDefinition& target = changed->slots[slot];
    if (target.model_identity == binding.identity) continue;
    if (!target.model_identity.empty()) {
      return absl::FailedPreconditionError(fmt::format(
          "collection '{}' holds texts embedded with model '{}' ({}); '{}' ({}) gives vectors that "
          "can't be compared with them. Use that model or another collection",
          current->name, target.model, target.model_identity.substr(0, 8), binding.model,
          binding.identity.substr(0, 8)));
    }
    if (const auto adaptor = AdaptorOf(slot); adaptor != nullptr) {
      auto status = CheckAdaptorModel(engine::Describe(*adaptor), binding.model, binding.identity);
      if (!status.ok()) {
        return {status.code(),
                fmt::format("collection '{}': {}", current->name, std::string(status.message()))};
      }
    }
    target.model = binding.model;
    target.model_identity = binding.identity;
    any = true;
  }
  if (any) updated = std::move(changed);
  return absl::OkStatus();
}

absl::StatusOr<Sequence> Shard::Append(const std::vector<PointChange>& changes,
                                       std::shared_ptr<const Definition> updated) {
  const storage::CollectionId id = definition()->id;
  std::vector<std::string> keys;
  keys.reserve(changes.size());
  for (const PointChange& change : changes) keys.push_back(storage::PointsKey(id, change.key));
  auto stored = environment_.store->MultiGet(Family::kPoints, keys);
  if (!stored.ok()) return stored.status();
  std::vector<std::optional<PointRecord>> old(changes.size());
  for (size_t i = 0; i < changes.size(); ++i) {
    const std::optional<std::string>& bytes = (*stored)[i];
    if (!bytes) continue;
    auto record = PointRecord::Decode(*bytes);
    if (!record.ok()) return record.status();
    old[i] = *std::move(record);
  }
  const std::vector<PointNumber> numbers = payload_indexes_.NextFree(changes.size());

  // Odd while store and indexes are out of step, see FindNearest.
  ++generation_;
  const absl::Cleanup in_step = [this] { ++generation_; };

  Effects effects;
  const std::string command = EncodeCommand(changes);
  auto sequence =
      environment_.log->Append(id, command, [&](Sequence given, Batch& batch) -> absl::Status {
        write_mutex_.AssertHeld();
        effects = Effects();
        for (size_t i = 0; i < changes.size(); ++i) {
          effects.Add(id, given, i, changes[i], old[i], numbers[i], batch);
        }
        batch.Put(Family::kIndexes, storage::IndexKey(storage::IndexPart::kChanges, id, given),
                  EncodeNumbered(effects.Numbered()));
        batch.Put(Family::kMeta, CountKey(id),
                  EncodeCount(points() + static_cast<uint64_t>(effects.points)));
        if (!effects.dead.empty()) {
          batch.Put(Family::kMeta, DeadKey(id, given), EncodeLabels(effects.dead));
        }
        if (updated != nullptr) {
          batch.Put(Family::kMeta, CollectionKey(updated->name), updated->Encode());
        }
        return absl::OkStatus();
      });
  if (!sequence.ok()) return sequence.status();
  last_sequence_ = *sequence;
  LogGrew(*sequence, command.size());
  points_ += static_cast<uint64_t>(effects.points);
  if (updated != nullptr) {
    absl::MutexLock lock(&definition_mutex_);
    definition_ = std::move(updated);
  }
  // All follow the store, whatever one of them says.
  absl::Status updated_indexes = UpdateIndexes(effects);
  written_vectors_ += effects.added.size();
  changed_points_ += effects.touched.size();
  updated_indexes.Update(payload_indexes_.Apply(effects.touched));
  if (!updated_indexes.ok()) return updated_indexes;
  return *sequence;
}

absl::Status Shard::UpdateIndexes(const Effects& effects) {
  absl::Status first;
  // New versions first: a reader in between sees both and keeps the newer one.
  const SlotIndexes indexes = Indexes();
  for (const Effects::Added& added : effects.added) {
    if (added.slot >= indexes.size()) {
      return absl::DataLossError("a command names no known vector");
    }
    first.Update(indexes[added.slot]->Add(added.label, added.key, added.number, *added.vector));
  }
  for (const SlotLabel& dead : effects.dead) {
    if (dead.slot >= indexes.size()) return absl::DataLossError("a command names no known vector");
    indexes[dead.slot]->index().Delete(dead.label);
  }
  return first;
}

void Shard::LogGrew(Sequence sequence, size_t bytes) {
  log_commands_.emplace_back(sequence, bytes);
  log_bytes_ += bytes;
}

void Shard::LogTrimmed(Sequence through) {
  while (!log_commands_.empty() && log_commands_.front().first <= through) {
    log_bytes_ -= log_commands_.front().second;
    log_commands_.pop_front();
  }
}

void Shard::Drop() {
  absl::MutexLock lock(&write_mutex_);
  dropped_ = true;
}

}  // namespace vecnest::engine
