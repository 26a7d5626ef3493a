// What recall a segment's graph gives at each ef, measured when the graph is built.
//
// Some rows are taken for queries. Each is left out of the graph, as if it had never been added
// (left_out_row.h): a query that is in the graph would be found at once, and its neighbours with
// it.
#ifndef VECNEST_INDEX_CALIBRATION_H_
#define VECNEST_INDEX_CALIBRATION_H_

#include <array>
#include <cstddef>

#include "index/hnsw_builder.h"
#include "index/quantizer.h"
#include "index/rows.h"
#include "index/segment_format.h"

namespace vecnest::index {

// recall@10 of walks and ranking together, over 256 rows of the segment: to about 0.01.
struct RecallCurve {
  static constexpr std::array<size_t, kRecallSteps> kEf = {10, 16,  24,  32,  48,  64,
                                                           96, 128, 192, 256, 384, 512};
  // Zeros where nothing was measured.
  std::array<float, kRecallSteps> recall{};

  bool known() const { return recall.back() > 0; }

  // The smallest ef that reaches `wanted`, between the steps that were measured; beyond the last
  // one the double of it. Only of a known curve.
  size_t EfFor(float wanted) const;
};

// Nothing is measured in segments of fewer than 1,000 rows, nor when params.stop turns true. The
// graph's links change meanwhile, and are afterwards what they were.
RecallCurve MeasureRecall(const Rows& rows, const CodeView& codes, BuiltGraph& graph,
                          const GraphParams& params);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_CALIBRATION_H_
