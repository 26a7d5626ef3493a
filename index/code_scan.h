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
