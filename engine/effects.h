// What a command does to records and indexes, worked out against the state it meets.
#ifndef VECNEST_ENGINE_EFFECTS_H_
#define VECNEST_ENGINE_EFFECTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/record.h"
#include "index/vector_index.h"
#include "storage/store.h"

namespace vecnest::engine {

struct Effects {
  struct Added {
    Slot slot;
    index::Label label;
    index::PointKey key;
    const std::vector<float>* vector;  // the command's own
  };
  std::vector<Added> added;
  std::vector<SlotLabel> dead;
  int64_t points = 0;  // by how many the collection grows

  // Adds the effect of the change at `position` of command `sequence`, and its records to `batch`.
  // `old`: the point as it is stored. The change outlives the effects.
  void Add(const storage::CollectionId& collection, storage::Sequence sequence, size_t position,
           const PointChange& change, const std::optional<PointRecord>& old, storage::Batch& batch);

  // Adds what the change gives to the indexes, whatever is stored.
  void AddVectors(storage::Sequence sequence, size_t position, const PointChange& change);
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_EFFECTS_H_
