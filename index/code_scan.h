// Which rows of a few thousand are near enough by their codes to be ranked by their vectors.
#ifndef VECNEST_INDEX_CODE_SCAN_H_
#define VECNEST_INDEX_CODE_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "index/code_scorer.h"
#include "index/walk_lists.h"

namespace vecnest::index {

// The costs of rows, in the order of `rows`.
std::vector<WalkedRow> CostsOfCodes(const CodeScorer& scorer, absl::Span<const uint32_t> rows);

// How many of `found`, which is in order, have to be ranked to find the `wanted` nearest of them:
// so many that there are `different` costs among them. Equal vectors have equal codes and count
// once, or a crowd of them would leave no room for the next.
size_t RankedDepth(absl::Span<const WalkedRow> found, size_t wanted, size_t different);

// Puts the RankedDepth nearest of `found`, which is in no order, in order and drops the others.
void KeepRanked(std::vector<WalkedRow>& found, size_t wanted, size_t different);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_CODE_SCAN_H_
