// What a command does to records and indexes, worked out against the state it meets.
#ifndef VECNEST_ENGINE_EFFECTS_H_
#define VECNEST_ENGINE_EFFECTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/payload_index/payload_indexes.h"
#include "engine/record.h"
#include "index/vector_index.h"
#include "storage/store.h"

namespace vecnest::engine {

struct Effects {
  struct Added {
    Slot slot;
    index::Label label;
    index::PointKey key;
    PointNumber number;
    const std::vector<float>* vector;  // the command's own
  };
  std::vector<Added> added;
  std::vector<SlotLabel> dead;
  std::vector<TouchedPoint> touched;  // points that are new, changed or gone
  int64_t points = 0;                 // by how many the collection grows

  // Adds the effect of the change at `position` of command `sequence`, and its records to `batch`.
  // `old`: the point as it is stored; `number`: what it gets when it is new. The change outlives
  // the effects.
  void Add(const storage::CollectionId& collection, storage::Sequence sequence, size_t position,
           const PointChange& change, const std::optional<PointRecord>& old, PointNumber number,
           storage::Batch& batch);

  // The touched points by number.
  std::vector<NumberedKey> Numbered() const;

  // Adds what the change gives to the indexes, whatever is stored.
  void AddVectors(storage::Sequence sequence, size_t position, const PointChange& change,
                  PointNumber number);
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_EFFECTS_H_
