#include "index/graph_walk.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace vecnest::index {
namespace {

// Reused by the walks of a thread, so that a query allocates nothing once warm.
struct Scratch {
  std::vector<uint64_t> visited;
  std::vector<WalkedRow> frontier;  // min-heap: rows whose links are still to be followed
  std::vector<WalkedRow> nearest;   // max-heap: accepted rows
  std::vector<uint32_t> fresh;      // links of one row that were not visited before

  void Clear(size_t rows) {
    visited.assign((rows + 63) / 64, 0);
    frontier.clear();
    nearest.clear();
  }

  // True the first time.
  bool Visit(uint32_t row) {
    uint64_t& word = visited[row / 64];
    const uint64_t bit = uint64_t{1} << (row % 64);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }
};

class Walk {
 public:
  Walk(const GraphView& graph, const Rows& rows, const Scorer& scorer, const RowFilter& filter,
       const WalkParams& params, Scratch& scratch)
      : graph_(graph),
        rows_(rows),
        scorer_(scorer),
        filter_(filter),
        params_(params),
        scratch_(scratch) {}

  WalkResult Run() {
    scratch_.Clear(rows_.count);
    const WalkedRow start = Descend();
    scratch_.Visit(start.row);
    Consider(start);
    while (!scratch_.frontier.empty() && !result_.gave_up) {
      std::pop_heap(scratch_.frontier.begin(), scratch_.frontier.end(), std::greater<>());
      const WalkedRow next = scratch_.frontier.back();
      scratch_.frontier.pop_back();
      if (IsFull() && next.cost > scratch_.nearest.front().cost) break;
      Expand(next.row);
    }
    std::sort_heap(scratch_.nearest.begin(), scratch_.nearest.end());
    result_.rows = scratch_.nearest;
    return std::move(result_);
  }

 private:
  bool IsFull() const { return scratch_.nearest.size() >= params_.ef; }

  float Cost(uint32_t row) {
    ++result_.distances;
    return scorer_.Cost(rows_.Vector(row), rows_.inverse_norms[row]);
  }

  // From the entry point down to layer 1, always to the nearest link.
  WalkedRow Descend() {
    WalkedRow best{Cost(graph_.entry_point), graph_.entry_point};
    for (int level = graph_.max_level; level > 0; --level) {
      bool moved = true;
      while (moved) {
        moved = false;
        const absl::Span<const uint32_t> links = graph_.UpperLinks(best.row, level);
        for (const uint32_t row : links) rows_.Prefetch(row, scorer_.dimensions());
        for (const uint32_t row : links) {
          const WalkedRow candidate{Cost(row), row};
          if (candidate.cost < best.cost) {
            best = candidate;
            moved = true;
          }
        }
      }
    }
    return best;
  }

  void Consider(const WalkedRow& candidate) {
    if (IsFull() && candidate.cost >= scratch_.nearest.front().cost) return;
    scratch_.frontier.push_back(candidate);
    std::push_heap(scratch_.frontier.begin(), scratch_.frontier.end(), std::greater<>());
    if (!filter_.Accepts(candidate.row)) return;
    if (IsFull()) {
      std::pop_heap(scratch_.nearest.begin(), scratch_.nearest.end());
      scratch_.nearest.pop_back();
    }
    scratch_.nearest.push_back(candidate);
    std::push_heap(scratch_.nearest.begin(), scratch_.nearest.end());
  }

  void Expand(uint32_t row) {
    scratch_.fresh.clear();
    for (const uint32_t link : graph_.Links(row)) {
      if (!scratch_.Visit(link)) continue;
      rows_.Prefetch(link, scorer_.dimensions());
      scratch_.fresh.push_back(link);
    }
    for (const uint32_t link : scratch_.fresh) Consider({Cost(link), link});
    // The row that is expanded next is most likely the nearest one: its links are needed first.
    if (!scratch_.frontier.empty()) {
      __builtin_prefetch(graph_.links + size_t{scratch_.frontier.front().row} * (1 + 2 * graph_.m));
    }
    result_.gave_up = result_.distances > params_.max_distances;
  }

  const GraphView& graph_;
  const Rows& rows_;
  const Scorer& scorer_;
  const RowFilter& filter_;
  const WalkParams& params_;
  Scratch& scratch_;
  WalkResult result_;
};

}  // namespace

WalkResult WalkGraph(const GraphView& graph, const Rows& rows, const Scorer& scorer,
                     const RowFilter& filter, const WalkParams& params) {
  thread_local Scratch scratch;
  return Walk(graph, rows, scorer, filter, params, scratch).Run();
}

}  // namespace vecnest::index
