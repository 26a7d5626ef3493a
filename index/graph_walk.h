// Searching a segment's graph: the greedy descent and the best-first search of Malkov & Yashunin
// 2016 (algorithms 2 and 5), over the mapped file.
#ifndef VECNEST_INDEX_GRAPH_WALK_H_
#define VECNEST_INDEX_GRAPH_WALK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/row_filter.h"
#include "index/rows.h"
#include "index/scorer.h"
#include "index/segment_format.h"

namespace vecnest::index {

struct WalkedRow {
  float cost = 0;
  uint32_t row = 0;
  friend auto operator<=>(const WalkedRow&, const WalkedRow&) = default;
};

struct WalkParams {
  size_t ef = 0;             // accepted rows to keep, at least 1
  size_t max_distances = 0;  // gives up beyond this many
};

struct WalkResult {
  std::vector<WalkedRow> rows;  // accepted ones, nearest first, at most ef; costs are exact
  size_t distances = 0;
  bool gave_up = false;  // max_distances was reached; `rows` is what had been found
};

// Walks through every row, but only accepted ones are collected and counted towards ef: the rarer
// they are, the further the walk goes. Deterministic. Working memory (a bit per row, two heaps) is
// kept per thread.
WalkResult WalkGraph(const GraphView& graph, const Rows& rows, const Scorer& scorer,
                     const RowFilter& filter, const WalkParams& params);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_GRAPH_WALK_H_
