#include "engine/effects.h"

#include <algorithm>

namespace vecnest::engine {
namespace {

using storage::Batch;
using storage::Family;

bool Writes(const PointChange& change, Slot slot) {
  return std::any_of(change.vectors.begin(), change.vectors.end(),
                     [&](const VectorWrite& vector) { return vector.slot == slot; });
}

bool Removes(const PointChange& change, Slot slot) {
  return change.kind == PointChange::Kind::kReplace ||
         std::count(change.removed_slots.begin(), change.removed_slots.end(), slot) > 0;
}

}  // namespace

void Effects::Add(const storage::CollectionId& collection, storage::Sequence sequence,
                  size_t position, const PointChange& change, const std::optional<PointRecord>& old,
                  PointNumber number, Batch& batch) {
  const index::Label label = MakeLabel(sequence, position);
  if (change.kind != PointChange::Kind::kReplace && !old) {
    // Nothing to change; a replay of the command must not leave its vectors behind either.
    for (const VectorWrite& vector : change.vectors) dead.push_back({vector.slot, label});
    return;
  }
  static const std::vector<SlotLabel> no_labels;
  const std::vector<SlotLabel>& old_labels = old ? old->labels : no_labels;
  const auto drop = [&](const SlotLabel& entry) {
    dead.push_back(entry);
    batch.Delete(Family::kVectors, storage::VectorsKey(collection, change.key, entry.slot));
  };
  if (change.kind == PointChange::Kind::kDelete) {
    std::for_each(old_labels.begin(), old_labels.end(), drop);
    batch.Delete(Family::kPoints, storage::PointsKey(collection, change.key));
    --points;
    touched.push_back({change.key, old->number, old, std::nullopt});
    return;
  }
  PointRecord record;
  record.version = sequence;
  record.number = old ? old->number : number;
  record.payload = change.payload.value_or(old ? old->payload : "{}");
  if (!old) ++points;
  for (const SlotLabel& entry : old_labels) {
    if (Writes(change, entry.slot)) {
      dead.push_back(entry);
    } else if (Removes(change, entry.slot)) {
      drop(entry);
    } else {
      record.labels.push_back(entry);
    }
  }
  AddVectors(sequence, position, change, record.number);
  for (const VectorWrite& vector : change.vectors) {
    record.labels.push_back({vector.slot, label});
    batch.Put(Family::kVectors, storage::VectorsKey(collection, change.key, vector.slot),
              VectorRecord{label, vector.text, vector.prefix, vector.vector}.Encode());
  }
  batch.Put(Family::kPoints, storage::PointsKey(collection, change.key), record.Encode());
  touched.push_back({change.key, record.number, old, std::move(record)});
}

std::vector<NumberedKey> Effects::Numbered() const {
  std::vector<NumberedKey> numbered;
  numbered.reserve(touched.size());
  for (const TouchedPoint& point : touched) numbered.emplace_back(point.key, point.number);
  return numbered;
}

void Effects::AddVectors(storage::Sequence sequence, size_t position, const PointChange& change,
                         PointNumber number) {
  for (const VectorWrite& vector : change.vectors) {
    added.push_back({vector.slot,
                     MakeLabel(sequence, position),
                     {change.key.kind, change.key.high, change.key.low},
                     number,
                     &vector.vector});
  }
}

}  // namespace vecnest::engine
