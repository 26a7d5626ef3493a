#include "index/graph_walk.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace vecnest::index {
namespace {

// The paper's two lists, for when not every row counts.
class FilteredLists {
 public:
  FilteredLists(const RowFilter& filter, size_t ef) : filter_(filter), ef_(ef) {}

  bool Admits(const WalkedRow& row) const {
    return nearest_.size() < ef_ || row < nearest_.front();
  }
  void Insert(const WalkedRow& row) {
    frontier_.push_back(row);
    std::push_heap(frontier_.begin(), frontier_.end(), std::greater<>());
    if (!filter_.Accepts(row.row)) return;
    if (nearest_.size() == ef_) {
      std::pop_heap(nearest_.begin(), nearest_.end());
      nearest_.pop_back();
    }
    nearest_.push_back(row);
    std::push_heap(nearest_.begin(), nearest_.end());
  }
  const WalkedRow* TakeNext() {
    if (frontier_.empty() || !Admits(frontier_.front())) return nullptr;
    std::pop_heap(frontier_.begin(), frontier_.end(), std::greater<>());
    taken_ = frontier_.back();
    frontier_.pop_back();
    return &taken_;
  }
  template <class Visit>
  void ForNext(const Visit& visit) const {
    if (!frontier_.empty()) visit(frontier_.front().row);
  }
  void CopyTo(std::vector<WalkedRow>& rows) {
    std::sort_heap(nearest_.begin(), nearest_.end());
    rows = std::move(nearest_);
  }

 private:
  const RowFilter& filter_;
  const size_t ef_;
  std::vector<WalkedRow> frontier_;  // min-heap: rows whose links are still to be followed
  std::vector<WalkedRow> nearest_;   // max-heap: accepted rows
  WalkedRow taken_;
};

// Reused by the walks of a thread, so that a query allocates next to nothing once warm.
struct Scratch {
  VisitedRows visited;
  Pool pool;
  std::vector<uint32_t> fresh;  // links of one row that were not visited before
  std::vector<float> costs;     // theirs
};

template <class RowScorer, class Lists>
class Walk {
 public:
  Walk(const GraphView& graph, const RowScorer& scorer, size_t max_distances, Lists& lists,
       Scratch& scratch)
      : graph_(graph),
        scorer_(scorer),
        max_distances_(max_distances),
        lists_(lists),
        scratch_(scratch) {}

  WalkResult Run() {
    const WalkedRow start = Descend();
    scratch_.visited.Visit(start.row);
    lists_.Insert(start);
    while (!result_.gave_up) {
      const WalkedRow* next = lists_.TakeNext();
      if (next == nullptr) break;
      Expand(next->row);
    }
    lists_.CopyTo(result_.rows);
    return std::move(result_);
  }

 private:
  float Cost(uint32_t row) {
    ++result_.distances;
    return scorer_.Cost(row);
  }

  // From the entry point down to layer 1, always to the nearest link.
  WalkedRow Descend() {
    WalkedRow best{Cost(graph_.entry_point), graph_.entry_point};
    for (int level = graph_.max_level; level > 0; --level) {
      bool moved = true;
      while (moved) {
        moved = false;
        const absl::Span<const uint32_t> links = graph_.UpperLinks(best.row, level);
        for (const uint32_t row : links) scorer_.Prefetch(row);
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

  void Expand(uint32_t row) {
    scratch_.fresh.clear();
    for (const uint32_t link : graph_.Links(row)) {
      if (!scratch_.visited.Visit(link)) continue;
      scorer_.Prefetch(link);
      scratch_.fresh.push_back(link);
    }
    scratch_.costs.resize(scratch_.fresh.size());
    scorer_.Costs(scratch_.fresh, scratch_.costs.data());
    result_.distances += scratch_.fresh.size();
    for (size_t i = 0; i < scratch_.fresh.size(); ++i) {
      const WalkedRow candidate{scratch_.costs[i], scratch_.fresh[i]};
      if (lists_.Admits(candidate)) lists_.Insert(candidate);
    }
    // The rows that are expanded next: their links are needed first.
    lists_.ForNext([this](uint32_t next) { graph_.PrefetchLinks(next); });
    result_.gave_up = result_.distances > max_distances_;
  }

  const GraphView& graph_;
  const RowScorer& scorer_;
  const size_t max_distances_;
  Lists& lists_;
  Scratch& scratch_;
  WalkResult result_;
};

template <class RowScorer>
WalkResult RunWalk(const GraphView& graph, size_t count, const RowScorer& scorer,
                   const RowFilter& filter, const WalkParams& params) {
  thread_local Scratch scratch;
  scratch.visited.Start(count);
  if (params.skipped != kNoRow) scratch.visited.Visit(params.skipped);
  if (filter.AcceptsAll()) {
    scratch.pool.Start(std::min(params.ef, count));
    return Walk(graph, scorer, params.max_distances, scratch.pool, scratch).Run();
  }
  FilteredLists lists(filter, params.ef);
  return Walk(graph, scorer, params.max_distances, lists, scratch).Run();
}

}  // namespace

WalkResult WalkGraph(const GraphView& graph, size_t count, const VectorScorer& scorer,
                     const RowFilter& filter, const WalkParams& params) {
  return RunWalk(graph, count, scorer, filter, params);
}

WalkResult WalkGraph(const GraphView& graph, size_t count, const CodeScorer& scorer,
                     const RowFilter& filter, const WalkParams& params) {
  return RunWalk(graph, count, scorer, filter, params);
}

}  // namespace vecnest::index
