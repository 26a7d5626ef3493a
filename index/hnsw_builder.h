// Builds the graph of a segment: HNSW after Malkov & Yashunin, "Efficient and robust approximate
// nearest neighbor search using Hierarchical Navigable Small World graphs" (2016), by hnswlib.
//
// hnswlib gets 4-byte row numbers as its "vectors" and calls back for distances, so the vectors
// are not copied and its compile-time SIMD plays no part. Its graph is taken over into the layout
// of segment_format.h, hnswlib is gone, and the links of the lowest layer are chosen once more
// (graph_refiner.h).
#ifndef VECNEST_INDEX_HNSW_BUILDER_H_
#define VECNEST_INDEX_HNSW_BUILDER_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "index/metric.h"
#include "index/quantizer.h"
#include "index/rows.h"
#include "index/segment_format.h"

namespace vecnest::index {

struct GraphParams {
  Metric metric = Metric::kCosine;
  size_t dimensions = 0;
  ValueFormat values = ValueFormat::kF32;  // of the rows
  int code_bits = 0;                       // of walks, 8, 4 or 1; 0: chosen (quantizer.h)
  bool principal_axes = false;             // as in IndexConfig
  int m = 16;                              // at least 2
  int ef_construct = 200;
  uint64_t seed = 100;
  int threads = 1;
  // Looked at while the graph is built and the recall is measured: true ends it with Cancelled. May
  // be null.
  const std::atomic<bool>* stop = nullptr;
  // Tells how far building is: half of the rows are counted when they are in the graph, the others
  // when their links were chosen once more, and all but the first just before the end. May be null.
  std::atomic<size_t>* linked = nullptr;

  bool stopped() const { return stop != nullptr && *stop; }
};

// What GraphView views, owned.
struct BuiltGraph {
  size_t m = 0;
  uint32_t entry_point = 0;
  int max_level = 0;
  std::vector<uint32_t> links;
  std::vector<uint8_t> levels;
  std::vector<uint32_t> upper_starts;
  std::vector<uint32_t> upper_links;

  GraphView View() const;
};

// `rows` holds at least one row, `codes` their codes or none; with codes, distances are those of
// the codes (row_distance.h). Repeatable with one thread; with more, the order of insertion and so
// the links vary. Cancelled when told to stop, ResourceExhausted without memory, Internal for what
// else hnswlib throws.
absl::StatusOr<BuiltGraph> BuildGraph(const Rows& rows, const CodeView& codes,
                                      const GraphParams& params);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_HNSW_BUILDER_H_
