// Searching a segment's graph: the greedy descent and the best-first search of Malkov & Yashunin
// 2016 (algorithms 2 and 5), over the mapped file. By codes the row to expand is chosen one step
// early, before the present one's neighbours are known, so that a walk waits less for memory.
//
// The walk is written once for everything that ranks rows: codes (code_scorer.h) and, where a
// segment has none, the vectors themselves.
#ifndef VECNEST_INDEX_GRAPH_WALK_H_
#define VECNEST_INDEX_GRAPH_WALK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/code_scorer.h"
#include "index/row_filter.h"
#include "index/rows.h"
#include "index/scorer.h"
#include "index/segment_format.h"
#include "index/walk_lists.h"

namespace vecnest::index {

struct WalkParams {
  PoolSize kept;             // accepted rows; its places are the ef of the paper
  size_t max_distances = 0;  // gives up beyond this many
  // Rows to begin at beside those that the descent leads to.
  absl::Span<const uint32_t> seeds = {};
};

struct WalkResult {
  std::vector<WalkedRow> rows;  // accepted ones, nearest first
  size_t distances = 0;
  size_t bytes = 0;      // of links, and of what the scorer reads for a distance
  size_t in_range = 0;   // so many of `rows`, the first, are in the range of `kept`
  bool gave_up = false;  // max_distances was reached; `rows` is what had been found
};

// Ranks rows by their vectors. Views both. Used by one thread.
class VectorScorer {
 public:
  // Vectors are too large to be asked for long before they are read.
  static constexpr bool kLooksAhead = false;

  VectorScorer(const Rows& rows, const Scorer& scorer) : rows_(rows), scorer_(scorer) {}

  float Cost(uint32_t row) const {
    return scorer_.Cost(rows_.Vector(row, buffer_), rows_.inverse_norms[row]);
  }
  void Costs(absl::Span<const uint32_t> rows, float* costs) const {
    for (size_t i = 0; i < rows.size(); ++i) costs[i] = Cost(rows[i]);
  }
  void Prefetch(uint32_t row) const { rows_.Prefetch(row, scorer_.dimensions()); }
  float CostOf(float score) const { return scorer_.CostOf(score); }
  size_t bytes() const { return scorer_.dimensions() * ValueBytes(rows_.format); }

 private:
  const Rows& rows_;
  const Scorer& scorer_;
  mutable VectorBuffer buffer_;
};

// `count` is how many rows the graph has. Deterministic. Working memory (one and a half bits a row,
// lists) is kept per thread.
//
// With a filter the walk steps on accepted rows alone: a link to a row that is not accepted is
// taken for links to that row's own neighbours, as in ACORN-1 (Patel et al., "ACORN: Performant and
// Predicate-Agnostic Search Over Vector Embeddings and Structured Data", 2024). Asking the filter
// costs far less than a distance, and the number of steps does not grow as the filter narrows.
WalkResult WalkGraph(const GraphView& graph, size_t count, const VectorScorer& scorer,
                     const RowFilter& filter, const WalkParams& params);
WalkResult WalkGraph(const GraphView& graph, size_t count, const CodeScorer& scorer,
                     const RowFilter& filter, const WalkParams& params);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_GRAPH_WALK_H_
