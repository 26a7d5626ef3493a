// A graph as if one of its rows had never been added, for asking what a query like it would find
// (calibration.h).
#ifndef VECNEST_INDEX_LEFT_OUT_ROW_H_
#define VECNEST_INDEX_LEFT_OUT_ROW_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "index/hnsw_builder.h"
#include "index/rows.h"

namespace vecnest::index {

// A row that links to another on a layer.
struct Referrer {
  uint32_t row = 0;
  int layer = 0;
};

// Those of each of the rows, which are different ones. Looks through the graph once.
std::vector<std::vector<Referrer>> ReferrersOf(const BuiltGraph& graph,
                                               absl::Span<const uint32_t> rows);

// As long as there is one, nothing in the graph links to the row, which is not the entry point.
// What linked to it links instead to what it links to, where no other link is nearer to that: there
// is no such link only because the row lies in between.
class LeftOutRow {
 public:
  LeftOutRow(BuiltGraph& graph, const Rows& rows, const GraphParams& params, uint32_t row,
             absl::Span<const Referrer> referrers);
  // Puts the links back.
  ~LeftOutRow();
  LeftOutRow(const LeftOutRow&) = delete;
  LeftOutRow& operator=(const LeftOutRow&) = delete;

 private:
  struct Saved {
    absl::Span<uint32_t> block;
    std::vector<uint32_t> content;
  };
  std::vector<Saved> saved_;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_LEFT_OUT_ROW_H_
