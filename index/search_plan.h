// How one segment is searched: by its graph or by scanning. Pure functions of counts.
#ifndef VECNEST_INDEX_SEARCH_PLAN_H_
#define VECNEST_INDEX_SEARCH_PLAN_H_

#include <cstddef>

#include "index/metric.h"

namespace vecnest::index {

// Whether walking a graph built for `graph_metric` finds the nearest by `metric`. Among vectors of
// unit length cosine, dot product and Euclidean distance give the same order (prefixes are scaled
// to unit length then, see scorer.h).
bool GraphServes(Metric graph_metric, Metric metric, bool unit_norm);

// The ef of a walk when the caller names none, if what was measured of the graph does not ask for
// more. On 20,800 MiniLM embeddings of sentences recall@10
// is 0.99 at the full width and at 96 of 384 dimensions, 0.977 at 64. It grows with the logarithm
// of the segment's rows, because recall at a fixed ef falls that way, and with the root of width /
// dimensions, because the graph (built for the full width) fits the distances between prefixes less
// well. Codes of one bit need as many as are ranked.
size_t DefaultEf(size_t k, size_t rows, size_t dimensions, size_t width, int code_bits);

// The ef that finds `wanted` rows at `dimensions` as well as `ef` finds ten at the full width.
size_t EfForRecall(size_t ef, size_t wanted, size_t dimensions, size_t width);

// How much of `ef` a walk among `rows` needs to find those of the nearest that other segments, of
// `searched` rows, don't have: the fewer the rows, the fewer of the nearest they have, and those
// are their own nearest, which walks find first.
size_t EfBeside(size_t ef, size_t rows, size_t searched);

// How many of the rows that a walk found by their codes are ranked by their vectors to find the
// `wanted` nearest. More for prefixes: errors of codes cancel out less in fewer dimensions. After
// codes of one bit at least half of what a walk of `ef` found: their order says little.
size_t DefaultRescored(size_t wanted, size_t dimensions, size_t width, int code_bits, size_t ef);

// The ef of a filtered walk that finds about what one of `ef` finds without a filter: the fewer of
// the `rows` match, the worse the graph fits them.
size_t FilteredEf(size_t ef, size_t matches, size_t rows);

// How many a walk has to keep to find `ef` that are live, of `live` of `rows`: more than their
// share, as it is by chance which ones are deleted.
size_t EfPastDeleted(size_t ef, size_t live, size_t rows);

// Whether scanning `matches` of a segment's `rows` costs less than walking its graph for `ef` of
// them, or finds more: beyond neighbours of neighbours a walk does not look, and where one row in
// fifty matches these are too few to lead on.
bool ScanIsBetter(size_t matches, size_t rows, size_t ef);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_SEARCH_PLAN_H_
