// Places as integers, so that a payload index keeps them like other numbers.
//
// The globe is halved 31 times along both axes. The cells, at most 19 mm wide, are numbered along a
// Morton curve, on which every square of the halvings is an interval.
#ifndef VECNEST_ENGINE_PAYLOAD_INDEX_GEO_CELLS_H_
#define VECNEST_ENGINE_PAYLOAD_INDEX_GEO_CELLS_H_

#include <cstdint>
#include <vector>

#include "engine/geo.h"
#include "vecnest/filter.h"

namespace vecnest::engine {

int64_t GeoCellOf(const GeoPoint& point);

// Contains every point of the cell.
GeoRectangle BoundsOfGeoCell(int64_t cell);

struct GeoCellRange {
  int64_t first = 0;
  int64_t last = 0;
  bool inside = false;  // the area contains all of it; otherwise its border is near
};

// Ranges that do not overlap, in their order; the area contains nothing outside of them.
std::vector<GeoCellRange> CoverArea(const GeoArea& area);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_INDEX_GEO_CELLS_H_
