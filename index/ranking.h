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
      : scorer_(scorer), stats_(stats), nearest_(wanted) {}

  // Ranks rows in any order.
  void Rank(const Rows& rows, absl::Span<const uint32_t> ranked);

  // Ranks rows whose costs are by their vectors already.
  void RankKnown(const Rows& rows, absl::Span<const WalkedRow> found);

  // How many come up to the last one that entered, and with it.
  size_t RankFound(const Rows& rows, absl::Span<const WalkedRow> found);

  // Ranks those of a cost up to `limit`, and what comes after them as long as it is nearer than its
  // codes say: of rows that are unlike most of a segment they may say little. Whether these were
  // all.
  bool RankWithin(const Rows& rows, absl::Span<const WalkedRow> found, float limit);

  // Of `others`, which come after the `found` that were ranked just before, ranks what may well be
  // nearer than the last that is kept (LikelyNearer).
  void RankLikely(const Rows& rows, const CodeScorer& by_codes, absl::Span<const WalkedRow> found,
                  absl::Span<const WalkedRow> others);

  // Says that what is kept is not all there is.
  void LeaveOut() { nearest_.Reject(); }

  // The largest cost that still enters; nothing as long as any does.
  std::optional<float> Bar() const { return nearest_.Bar(); }

  // What is kept; it tells whether something was left out.
  Nearest& nearest() { return nearest_; }

 private:
  float CostOf(const Rows& rows, uint32_t row);
  bool Offer(const Rows& rows, uint32_t row, float cost);

  const Scorer& scorer_;
  SearchStats& stats_;
  Nearest nearest_;
  VectorBuffer buffer_;
  std::vector<float> costs_;  // of the found rows ranked last
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_RANKING_H_
