// What indexes know of the points that pass a filter: certainly these, possibly those.
#ifndef VECNEST_ENGINE_PAYLOAD_INDEX_SELECTION_H_
#define VECNEST_ENGINE_PAYLOAD_INDEX_SELECTION_H_

#include <utility>
#include <vector>

#include "roaring/roaring.hh"

namespace vecnest::engine {

// `certain` is a part of `possible`.
struct Selection {
  Roaring certain;
  Roaring possible;

  static Selection Exactly(Roaring points) { return {points, points}; }
  static Selection Unknown(const Roaring& live) { return {{}, live}; }

  bool exact() const { return certain.cardinality() == possible.cardinality(); }
};

void And(Selection& selection, const Selection& other);
void Or(Selection& selection, const Selection& other);
Selection Not(const Selection& selection, const Roaring& live);
// Points in at least `count` (1 or more) of `selections`.
Selection AtLeast(const std::vector<Selection>& selections, size_t count);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_INDEX_SELECTION_H_
