// Which of a row's nearest it links to: algorithm 4 of Malkov & Yashunin 2016.
#ifndef VECNEST_INDEX_DIVERSE_LINKS_H_
#define VECNEST_INDEX_DIVERSE_LINKS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "index/walk_lists.h"

namespace vecnest::index {

// Whether a row is nearer to the one that is linked, to which it has its cost, than to any of those
// chosen before it. `distance` is of two rows, on the scale of costs.
template <class Distance>
bool IsDiverse(const WalkedRow& row, absl::Span<const WalkedRow> chosen, const Distance& distance) {
  return std::all_of(chosen.begin(), chosen.end(), [&](const WalkedRow& before) {
    return distance(before.row, row.row) >= row.cost;
  });
}

// Of rows in order up to `most` that are.
template <class Distance>
void KeepDiverse(std::vector<WalkedRow>& rows, size_t most, const Distance& distance) {
  size_t kept = 0;
  for (size_t i = 0; i < rows.size() && kept < most; ++i) {
    const WalkedRow row = rows[i];
    if (IsDiverse(row, absl::MakeConstSpan(rows.data(), kept), distance)) rows[kept++] = row;
  }
  rows.resize(kept);
}

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_DIVERSE_LINKS_H_
