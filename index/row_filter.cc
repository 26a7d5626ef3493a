#include "index/row_filter.h"

#include <algorithm>

namespace vecnest::index {
namespace {

// A look-up costs about as much as testing this many rows one after another.
constexpr size_t kRowsPerLookUp = 32;

}  // namespace

std::vector<uint32_t> AcceptedRows(const Rows& rows, const RowFilter& filter,
                                   const PointSet& allowed) {
  std::vector<uint32_t> accepted;
  if (rows.by_number == nullptr || allowed.count() > rows.count / kRowsPerLookUp) {
    for (uint32_t row = 0; row < rows.count; ++row) {
      if (filter.Accepts(row)) accepted.push_back(row);
    }
    return accepted;
  }
  const uint32_t* const end = rows.by_number + rows.count;
  const uint32_t* place = rows.by_number;
  allowed.ForEach([&](PointNumber number) {
    place = std::lower_bound(place, end, number, [&](uint32_t row, PointNumber value) {
      return rows.numbers[row] < value;
    });
    for (; place != end && rows.numbers[*place] == number; ++place) {
      if (filter.Accepts(*place)) accepted.push_back(*place);
    }
  });
  std::sort(accepted.begin(), accepted.end());
  return accepted;
}

}  // namespace vecnest::index
