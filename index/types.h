// Names of vectors, shared by the parts of the index.
#ifndef VECNEST_INDEX_TYPES_H_
#define VECNEST_INDEX_TYPES_H_

#include <compare>
#include <cstdint>
#include <vector>

namespace vecnest::index {

// What a caller calls a point. Ordered; equal scores are returned in this order.
struct PointKey {
  uint8_t kind = 0;
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const PointKey&, const PointKey&) = default;
};

// Identifies one version of one vector: given by the caller, at least 1, strictly increasing over
// Add. Replacing a vector is Add with a new label followed by Delete of the old one.
using Label = uint64_t;

// A dense number that the caller gives a point, so that sets of points are small bitmaps. Live
// points have different numbers; the number of a deleted one may be given again.
using PointNumber = uint32_t;

// One vector with its names, as handed in and out in bulk.
struct Entry {
  Label label = 0;
  PointKey key;
  PointNumber number = 0;
  std::vector<float> vector;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_TYPES_H_
