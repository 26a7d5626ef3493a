#include "index/row_filter.h"

#include <algorithm>

namespace vecnest::index {
namespace {

// The first position at or after `from` whose value is at least `value`: steps that double, then
// a binary search, so that close values cost a step or two and distant ones a logarithm.
size_t Gallop(const Label* values, size_t from, size_t count, Label value) {
  size_t step = 1;
  size_t low = from;
  while (low + step < count && values[low + step] < value) {
    low += step;
    step *= 2;
  }
  const Label* end = values + std::min(count, low + step + 1);
  return static_cast<size_t>(std::lower_bound(values + low, end, value) - values);
}

}  // namespace

std::vector<uint32_t> MatchingRows(const Rows& rows, absl::Span<const Label> allowed) {
  std::vector<uint32_t> matches;
  size_t row = 0;
  size_t i = 0;
  while (row < rows.count && i < allowed.size()) {
    if (rows.labels[row] == allowed[i]) {
      matches.push_back(static_cast<uint32_t>(row++));
      ++i;
    } else if (rows.labels[row] < allowed[i]) {
      row = Gallop(rows.labels, row, rows.count, allowed[i]);
    } else {
      i = Gallop(allowed.data(), i, allowed.size(), rows.labels[row]);
    }
  }
  return matches;
}

}  // namespace vecnest::index
