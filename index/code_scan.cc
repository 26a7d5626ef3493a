#include "index/code_scan.h"

#include <algorithm>

namespace vecnest::index {

std::vector<WalkedRow> CostsOfCodes(const CodeScorer& scorer, absl::Span<const uint32_t> rows) {
  std::vector<float> costs(rows.size());
  scorer.Costs(rows, costs.data());
  std::vector<WalkedRow> found(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) found[i] = {costs[i], rows[i]};
  return found;
}

size_t RankedDepth(absl::Span<const WalkedRow> found, size_t wanted, size_t different) {
  size_t depth = 0;
  size_t seen = 0;
  for (; depth < found.size(); ++depth) {
    if (depth > 0 && found[depth].cost == found[depth - 1].cost) continue;
    if (++seen > different && depth >= wanted) break;
  }
  return depth;
}

void KeepRanked(std::vector<WalkedRow>& found, size_t wanted, size_t different) {
  // One beyond the depth tells that it ends there. More are put in order only when many are equal.
  const size_t expected = std::min(std::max(wanted, different), found.size()) + 1;
  for (size_t ordered = expected; ordered < found.size(); ordered *= 2) {
    const auto end = found.begin() + static_cast<ptrdiff_t>(ordered);
    std::partial_sort(found.begin(), end, found.end());
    const size_t depth = RankedDepth({found.data(), ordered}, wanted, different);
    if (depth < ordered) {
      found.resize(depth);
      return;
    }
  }
  std::sort(found.begin(), found.end());
  found.resize(RankedDepth(found, wanted, different));
}

}  // namespace vecnest::index
