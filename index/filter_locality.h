// Whether a filter leaves out what surrounds a query. Walks find too little then: the graph leads
// to the query, and from there on all directions are alike.
#ifndef VECNEST_INDEX_FILTER_LOCALITY_H_
#define VECNEST_INDEX_FILTER_LOCALITY_H_

#include <cstddef>

#include "index/code_scorer.h"
#include "index/graph_walk.h"
#include "index/row_filter.h"
#include "index/segment_format.h"

namespace vecnest::index {

struct Locality {
  // Told by more rows near the query that are refused than chance allows.
  bool away = false;
  // Of the nearest rows, how many are accepted; known when it is away.
  double share = 0;
  // What it took to tell.
  size_t distances = 0;
  size_t bytes = 0;
};

// `count` is how many rows the graph has. Deterministic.
Locality LocalityOf(const GraphView& graph, size_t count, const RowFilter& filter,
                    const VectorScorer& scorer);
Locality LocalityOf(const GraphView& graph, size_t count, const RowFilter& filter,
                    const CodeScorer& scorer);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_FILTER_LOCALITY_H_
