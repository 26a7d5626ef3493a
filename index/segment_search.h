// One query over one view of the segments.
#ifndef VECNEST_INDEX_SEGMENT_SEARCH_H_
#define VECNEST_INDEX_SEGMENT_SEARCH_H_

#include <vector>

#include "absl/types/span.h"
#include "index/metric.h"
#include "index/segment_set.h"
#include "index/vector_index.h"

namespace vecnest::index {

// `query` and `params` have been checked. `prefix_scales`: those of the index. `metric` is the one
// to answer in; `unit_norm` says whether all live vectors have unit length. Fills in all of
// `stats`.
//
// Growing segments are scanned, by codes where a graph was walked or many rows wait for theirs, the
// codes serve the metric and no exact answer is asked for. Of a sealed segment, the graph is walked
// when it serves the metric and is cheaper than scanning the matches (search_plan.h); when a walk
// finds too little or takes too long, its matches are scanned after all. What codes found is ranked
// by the vectors, so that costs are exact either way.
std::vector<ScoredLabel> SearchSegments(const SetView& view, absl::Span<const float> query,
                                        const SearchParams& params, Metric metric, bool unit_norm,
                                        SearchStats& stats,
                                        absl::Span<const float> prefix_scales = {});

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_SEGMENT_SEARCH_H_
