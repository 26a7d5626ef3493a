// Which rows of a few thousand are near enough by their codes to be ranked by their vectors.
#ifndef VECNEST_INDEX_CODE_SCAN_H_
#define VECNEST_INDEX_CODE_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "index/code_scorer.h"
#include "index/rows.h"
#include "index/scorer.h"
#include "index/walk_lists.h"

namespace vecnest::index {

// The costs of rows, in the order of `rows`, without those above `limit`.
std::vector<WalkedRow> CostsOfCodes(const CodeScorer& scorer, absl::Span<const uint32_t> rows,
                                    float limit = std::numeric_limits<float>::infinity());

// How many of `found`, which is in order, have to be ranked to find the `wanted` nearest of them:
// so many that there are `different` costs among them. Equal vectors have equal codes and count
// once, or a crowd of them would leave no room for the next.
size_t RankedDepth(absl::Span<const WalkedRow> found, size_t wanted, size_t different);

// Puts the RankedDepth nearest of `found`, which is in no order, in order and drops the others.
void KeepRanked(std::vector<WalkedRow>& found, size_t wanted, size_t different);

// Rows and what they cost by their vectors, by the scorer of the query.
struct RankedCosts {
  absl::Span<const WalkedRow> found;
  absl::Span<const float> costs;
};

// With fewer ranked, how large the errors are of rows unlike most of a segment can't be told: with
// one, of rows whose errors are 2.7 times those of rounding a sixth of the nearest would be missed.
inline constexpr size_t kFewestErrors = 10;

// How many of `others`, which are in order and come after those ranked, by their codes may well
// cost less than `bar` by their vectors; at least kFewestErrors are ranked. What lies beyond is
// left out for good: three of 10,000 of the nearest ten of sentence embeddings, of which 13.4 are
// ranked instead of 18. The errors of codes are taken for those of rounding, or for what those
// ranked show, where that is more than chance: codes of rows that are unlike most of a segment have
// larger ones. All where costs are not comparable (CodeScorer::HasShared).
size_t LikelyNearer(const CodeScorer& by_codes, const Scorer& by_vectors, const RankedCosts& ranked,
                    absl::Span<const WalkedRow> others, float bar);

// What is near enough to be ranked of several runs of rows, each with codes of its own. By itself
// the nearest of a run may be farther than what others have many of, so they are compared by the
// shared costs of their scorers (code_scorer.h).
class ScannedRuns {
 public:
  // Costs by this scorer beyond it cannot be near enough any more.
  float Limit(const CodeScorer& scorer) const { return scorer.CostWithin(bar_); }

  // What KeepRanked left of a run. `different` of all runs would be ranked if they were one. One
  // more for each run is kept, as equal vectors have a cost of their own in each, and whatever the
  // errors of codes may have put behind these.
  void Add(const Rows& rows, const CodeScorer& scorer, std::vector<WalkedRow> found,
           size_t different);

  // Calls visit(rows, found) for each run that has any left, `found` in order. False: some were
  // left out, as others are nearer.
  template <class Visit>
  bool ForEach(const Visit& visit) const {
    bool all = true;
    for (const Run& run : runs_) {
      const size_t near = Near(run);
      all = all && near == run.found.size();
      if (near > 0) visit(run.rows, absl::MakeConstSpan(run.found).first(near));
    }
    return all;
  }

 private:
  struct Run {
    Rows rows;
    std::vector<WalkedRow> found;
    std::vector<float> shared;  // costs of `found`
    float error = 0;            // of these
  };
  size_t Near(const Run& run) const;

  std::vector<Run> runs_;
  std::vector<float> nearest_;  // shared costs of different rows, in order
  float bar_ = std::numeric_limits<float>::infinity();
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_CODE_SCAN_H_
