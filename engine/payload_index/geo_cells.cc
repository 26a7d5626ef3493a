#include "engine/payload_index/geo_cells.h"

#include <algorithm>
#include <cmath>

namespace vecnest::engine {
namespace {

constexpr int kHalvings = 31;
constexpr double kCellsPerAxis = int64_t{1} << kHalvings;
// More than degrees are rounded on their way to a cell and back.
constexpr double kRounding = 1e-12;
// Squares near a border are split while there are fewer ranges than this; the cells of points in
// what is left are looked at one by one.
constexpr size_t kEnoughRanges = 128;

// Puts a zero bit before each of the lowest 32.
uint64_t Spread(uint64_t bits) {
  bits = (bits | bits << 16) & 0x0000ffff0000ffff;
  bits = (bits | bits << 8) & 0x00ff00ff00ff00ff;
  bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | bits << 2) & 0x3333333333333333;
  return (bits | bits << 1) & 0x5555555555555555;
}

// Every second bit, from the lowest on.
uint64_t Gather(uint64_t bits) {
  bits &= 0x5555555555555555;
  bits = (bits | bits >> 1) & 0x3333333333333333;
  bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | bits >> 4) & 0x00ff00ff00ff00ff;
  bits = (bits | bits >> 8) & 0x0000ffff0000ffff;
  return (bits | bits >> 16) & 0x00000000ffffffff;
}

uint64_t CellOnAxis(double degrees, double span) {
  const double cell = std::floor((degrees / span + 0.5) * kCellsPerAxis);
  return static_cast<uint64_t>(std::clamp(cell, 0.0, kCellsPerAxis - 1));
}

// The square of cells that was made by so many halvings and begins with this one.
GeoRectangle BoundsOfSquare(int64_t first, int halvings) {
  const auto bits = static_cast<uint64_t>(first);
  const double width = std::ldexp(1.0, -halvings);
  const double west = static_cast<double>(Gather(bits)) / kCellsPerAxis - 0.5;
  const double south = static_cast<double>(Gather(bits >> 1)) / kCellsPerAxis - 0.5;
  return {{west * 360 - kRounding, south * 180 - kRounding},
          {(west + width) * 360 + kRounding, (south + width) * 180 + kRounding}};
}

int64_t CellsInSquare(int halvings) { return int64_t{1} << 2 * (kHalvings - halvings); }

// Joins neighbours of one kind.
std::vector<GeoCellRange> Joined(std::vector<GeoCellRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const GeoCellRange& a, const GeoCellRange& b) { return a.first < b.first; });
  std::vector<GeoCellRange> joined;
  for (const GeoCellRange& range : ranges) {
    if (!joined.empty() && joined.back().last + 1 == range.first &&
        joined.back().inside == range.inside) {
      joined.back().last = range.last;
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

}  // namespace

int64_t GeoCellOf(const GeoPoint& point) {
  return static_cast<int64_t>(Spread(CellOnAxis(point.lon, 360)) |
                              Spread(CellOnAxis(point.lat, 180)) << 1);
}

GeoRectangle BoundsOfGeoCell(int64_t cell) { return BoundsOfSquare(cell, kHalvings); }

std::vector<GeoCellRange> CoverArea(const GeoArea& area) {
  std::vector<GeoCellRange> ranges;
  std::vector<int64_t> undecided = {0};  // first cells of squares of the same size
  int halvings = 0;
  while (halvings < kHalvings && ranges.size() + undecided.size() < kEnoughRanges) {
    ++halvings;
    const int64_t cells = CellsInSquare(halvings);
    std::vector<int64_t> smaller;
    for (const int64_t square : undecided) {
      for (int64_t first = square; first < square + 4 * cells; first += cells) {
        const GeoRelation relation = area.RelationTo(BoundsOfSquare(first, halvings));
        if (relation == GeoRelation::kInside) ranges.push_back({first, first + cells - 1, true});
        if (relation == GeoRelation::kUndecided) smaller.push_back(first);
      }
    }
    undecided = std::move(smaller);
  }
  for (const int64_t first : undecided) {
    ranges.push_back({first, first + CellsInSquare(halvings) - 1, false});
  }
  return Joined(std::move(ranges));
}

}  // namespace vecnest::engine
