// The ranking of one query: rows are ranked by their vectors, which is exact, and the nearest are
// kept.
#ifndef VECNEST_INDEX_RANKING_H_
#define VECNEST_INDEX_RANKING_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "index/code_scorer.h"
#include "index/nearest.h"
#include "index/rows.h"
#include "index/scorer.h"
#include "index/vector_index.h"
#include "index/walk_lists.h"

namespace vecnest::index {

// Of any number of blocks of rows, none of them ranked twice. `found` is what a walk or a scan
// found of a block, in the order of the costs that it goes by. Used by one thread.
class Ranking {
 public:
  // Of the `wanted` nearest. Views the scorer of the query, and counts in `stats` what it ranks.
  Ranking(const Scorer& scorer, size_t wanted, SearchStats& stats)
      : scorer_(scorer), wanted_(wanted), stats_(stats), nearest_(wanted) {}

  // Ranks rows in any order.
  void Rank(const Rows& rows, absl::Span<const uint32_t> ranked);

  // Ranks rows whose costs are by their vectors already.
  void RankKnown(const Rows& rows, absl::Span<const WalkedRow> found);

  // How many come up to the last one that entered, and with it.
  size_t RankFound(const Rows& rows, absl::Span<const WalkedRow> found);

  // Ranks of what was found by codes that tell their errors (CodeScorer::TellsErrors) as many as
  // may be among the nearest by these. `limit` is the largest cost of what may enter; some beyond
  // it are ranked nevertheless.
  void RankByErrors(const Rows& rows, const CodeScorer& by_codes, absl::Span<const WalkedRow> found,
                    float limit);

  // Says that what is kept is not all there is.
  void LeaveOut() { nearest_.Reject(); }

  // The largest cost that still enters; nothing as long as any does.
  std::optional<float> Bar() const { return nearest_.Bar(); }

  // What is kept; it tells whether something was left out.
  Nearest& nearest() { return nearest_; }

 private:
  float CostOf(const Rows& rows, uint32_t row);
  bool Offer(const Rows& rows, uint32_t row, float cost);
  bool RankWithin(const Rows& rows, absl::Span<const WalkedRow> found, float limit);

  const Scorer& scorer_;
  const size_t wanted_;
  SearchStats& stats_;
  Nearest nearest_;
  VectorBuffer buffer_;
  std::vector<float> costs_;  // of the rows of the last RankFound
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_RANKING_H_
