// How a shard changes the adaptor of a vector: the index is made anew beside the old one.

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "absl/cleanup/cleanup.h"
#include "engine/draw_sorted.h"
#include "engine/shard.h"
#include "engine/shard_keys.h"
#include "engine/vector_adaptor.h"
#include "fmt/format.h"
#include "spdlog/spdlog.h"

namespace vecnest::engine {
namespace {

using storage::Batch;
using storage::Family;

constexpr size_t kVectorsPerRead = 1024;
// Rows that are left for the moment of the switch, while writes wait.
constexpr size_t kMostWhileWritesWait = 1024;

absl::Status Stopped() { return absl::CancelledError("the change of adaptors was cancelled"); }

}  // namespace

// Stored vectors of entries that are asked for in their order, read in batches.
class Shard::VectorReader {
 public:
  VectorReader(const Shard& shard, Slot slot, const std::vector<index::Entry>& entries,
               const storage::Snapshot* snapshot)
      : shard_(shard), slot_(slot), entries_(entries), snapshot_(snapshot) {}

  absl::StatusOr<absl::Span<const float>> Next() {
    if (next_ == first_ + values_.size()) {
      if (auto status = ReadBatch(); !status.ok()) return status;
    }
    const index::Entry& entry = entries_[next_];
    const std::optional<std::string>& bytes = values_[next_ - first_];
    ++next_;
    if (!bytes) return Missing(entry);
    auto record = VectorRecord::Decode(*bytes);
    if (!record.ok()) return record.status();
    if (record->label != entry.label) return Missing(entry);
    vector_ = std::move(record->vector);
    return absl::Span<const float>(vector_);
  }

 private:
  static absl::Status Missing(const index::Entry& entry) {
    return absl::DataLossError(fmt::format("point {}: the store lacks a vector that the index has",
                                           ToPointId(entry.key).ToString()));
  }

  absl::Status ReadBatch() {
    const storage::CollectionId id = shard_.definition()->id;
    const size_t end = std::min(next_ + kVectorsPerRead, entries_.size());
    std::vector<std::string> keys;
    for (size_t i = next_; i < end; ++i) {
      keys.push_back(storage::VectorsKey(id, ToStorageKey(ToPointId(entries_[i].key)), slot_));
    }
    auto values = shard_.environment_.store->MultiGet(Family::kVectors, keys, snapshot_);
    if (!values.ok()) return values.status();
    values_ = *std::move(values);
    first_ = next_;
    return absl::OkStatus();
  }

  const Shard& shard_;
  const Slot slot_;
  const std::vector<index::Entry>& entries_;
  const storage::Snapshot* const snapshot_;
  std::vector<std::optional<std::string>> values_;  // of the entries from first_ on
  size_t first_ = 0;
  size_t next_ = 0;
  std::vector<float> vector_;
};

std::shared_ptr<const embedder::Adaptor> Shard::AdaptorOf(Slot slot) const {
  return IndexOf(slot)->adaptor();
}

absl::StatusOr<Shard::Moment> Shard::MomentOf(const SlotIndex& index, index::Label after) const {
  absl::MutexLock lock(&write_mutex_);
  if (dropped_) return absl::NotFoundError("the collection was deleted");
  return Moment{index.index().LiveEntries(after), environment_.store->TakeSnapshot()};
}

absl::StatusOr<std::vector<float>> Shard::SampleVectors(Slot slot, size_t count, uint64_t seed,
                                                        const std::atomic<bool>& stop) const {
  auto moment = MomentOf(*IndexOf(slot), 0);
  if (!moment.ok()) return moment.status();
  std::vector<index::Entry> drawn;
  for (const size_t i : DrawSorted(moment->entries.size(), count, seed)) {
    drawn.push_back(std::move(moment->entries[i]));
  }
  VectorReader reader(*this, slot, drawn, moment->snapshot.get());
  std::vector<float> vectors;
  vectors.reserve(drawn.size() * static_cast<size_t>(definition()->slots[slot].config.size));
  for (size_t i = 0; i < drawn.size(); ++i) {
    if (stop) return Stopped();
    auto vector = reader.Next();
    if (!vector.ok()) return vector.status();
    vectors.insert(vectors.end(), vector->begin(), vector->end());
  }
  return vectors;
}

absl::Status Shard::CatchUp(Slot slot, const Moment& moment, SlotIndex& next,
                            const std::atomic<bool>& stop) const {
  VectorReader reader(*this, slot, moment.entries, moment.snapshot.get());
  for (const index::Entry& entry : moment.entries) {
    if (stop) return Stopped();
    auto vector = reader.Next();
    if (!vector.ok()) return vector.status();
    absl::Status status = next.Check(*vector);
    if (status.ok()) status = next.Add(entry.label, entry.key, entry.number, *vector);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Shard::SetAdaptor(Slot slot, std::shared_ptr<const embedder::Adaptor> adaptor,
                               const std::atomic<bool>& stop, IndexingProgress& progress) {
  absl::MutexLock adapt_lock(&adapt_mutex_);
  const std::shared_ptr<SlotIndex> old = IndexOf(slot);
  const auto meaning = definition();
  const uint32_t generation = meaning->slots[slot].index_generation + 1;
  const std::string directory = IndexDirectory(slot, generation);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  absl::Cleanup clean = [&] { std::filesystem::remove_all(directory, ignored); };

  auto opened = SlotIndex::Open(directory, IndexConfigOf(meaning->slots[slot]), {}, adaptor);
  if (!opened.ok()) return opened.status();
  const std::shared_ptr<SlotIndex> next = std::move(opened->index);
  auto moment = MomentOf(*old, 0);
  if (!moment.ok()) return moment.status();
  // What has a graph gets one. The others go on growing, and few are scanned as before.
  const index::Label sealed = old->index().TakeManifest().persisted_through;
  std::erase_if(moment->entries,
                [sealed](const index::Entry& entry) { return entry.label > sealed; });
  VectorReader reader(*this, slot, moment->entries, moment->snapshot.get());
  progress.vectors = moment->entries.size();
  const auto vector_of = [&](const index::Entry&) {
    ++progress.written;
    return reader.Next();
  };
  auto appended = next->AppendSegment(moment->entries, vector_of, &stop, &progress.linked);
  if (!appended.ok()) return stop ? Stopped() : appended;
  index::Label copied = moment->entries.empty() ? 0 : moment->entries.back().label;
  // Otherwise what comes in is sealed in the old index, and has to be in the new one, for ever.
  absl::MutexLock seal_lock(&seal_mutex_);
  while (true) {
    moment = MomentOf(*old, copied);
    if (!moment.ok()) return moment.status();
    if (auto status = CatchUp(slot, *moment, *next, stop); !status.ok()) return status;
    if (!moment->entries.empty()) copied = moment->entries.back().label;
    absl::StatusOr<bool> worked = true;
    while (worked.ok() && *worked) worked = next->index().SealFull(&stop);
    if (!worked.ok()) return stop ? Stopped() : worked.status();
    if (moment->entries.size() > kMostWhileWritesWait) continue;
    auto switched = TrySwitch(slot, next, generation, copied);
    if (!switched.ok()) return switched.status();
    if (*switched) break;
    if (auto status = next->index().SealAll(&stop); !status.ok()) return stop ? Stopped() : status;
  }
  std::move(clean).Cancel();
  // Until a power cut can't bring the old definition back, its files stay; the next start removes
  // them.
  if (auto status = environment_.store->Sync(); !status.ok()) {
    spdlog::warn("collection '{}': files of the former index stay: {}", meaning->name,
                 std::string(status.message()));
    return absl::OkStatus();
  }
  std::filesystem::remove_all(IndexDirectory(slot, generation - 1), ignored);
  return absl::OkStatus();
}

absl::StatusOr<bool> Shard::TrySwitch(Slot slot, const std::shared_ptr<SlotIndex>& next,
                                      uint32_t generation, index::Label copied) {
  absl::MutexLock manifest_lock(&manifest_mutex_);
  absl::MutexLock lock(&write_mutex_);
  if (dropped_) return absl::NotFoundError("the collection was deleted");
  SlotIndexes indexes = Indexes();
  const std::atomic<bool> never = false;
  const Moment moment{indexes[slot]->index().LiveEntries(copied),
                      environment_.store->TakeSnapshot()};
  if (moment.entries.size() > kMostWhileWritesWait) return false;
  if (auto status = CatchUp(slot, moment, *next, never); !status.ok()) return status;
  // What was deleted or replaced since it was copied.
  const std::vector<index::Label> live = indexes[slot]->index().LiveLabels();
  const std::vector<index::Label> held = next->index().LiveLabels();
  std::vector<index::Label> dead;
  std::set_difference(held.begin(), held.end(), live.begin(), live.end(), std::back_inserter(dead));
  for (const index::Label label : dead) next->index().Delete(label);
  // The log of what the old index has sealed is gone.
  const index::Label sealed = next->index().TakeManifest().persisted_through;
  if (next->index().Stats().growing > 0 && SequenceOf(sealed + 1) <= contained_) return false;

  auto updated = std::make_shared<Definition>(*definition());
  SlotDefinition& defined = updated->slots[slot];
  if (next->adaptor() != nullptr && defined.config.metric == Metric::kManhattan) {
    return absl::FailedPreconditionError(
        "the vector's metric was changed to Manhattan, which no adaptor keeps");
  }
  if (next->adaptor() != nullptr) {
    // The first text may have come since.
    auto status = CheckAdaptorModel(engine::Describe(*next->adaptor()), defined.model,
                                    defined.model_identity);
    if (!status.ok()) return status;
  }
  // As they are by now.
  next->SetCodeBits(ToCodeBits(defined.config.quantization));
  next->index().SetMetric(ToIndexMetric(defined.config.metric));
  Batch batch;
  if (defined.adapted) {
    batch.Delete(Family::kMeta, AdaptorKey(updated->id, slot, defined.index_generation));
  }
  defined.index_generation = generation;
  defined.adapted = next->adaptor() != nullptr;
  if (defined.adapted) {
    batch.Put(Family::kMeta, AdaptorKey(updated->id, slot, generation), next->adaptor()->Encode());
  }
  batch.Put(Family::kMeta, CollectionKey(updated->name), updated->Encode());
  indexes[slot] = next;
  if (auto manifest = WriteManifest(indexes, std::move(batch)); !manifest.ok()) {
    return manifest.status();
  }
  {
    absl::MutexLock indexes_lock(&indexes_mutex_);
    indexes_ = std::move(indexes);
  }
  {
    absl::MutexLock definition_lock(&definition_mutex_);
    definition_ = std::move(updated);
  }
  return true;
}

}  // namespace vecnest::engine
