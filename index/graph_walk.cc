#include "index/graph_walk.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace vecnest::index {
namespace {

// Reused by the walks of a thread, so that a query allocates next to nothing once warm.
struct Scratch {
  VisitedRows visited;
  Pool pool;
  std::vector<uint32_t> fresh;   // neighbours of one row that were not visited before
  std::vector<float> costs;      // theirs, or those of links of upper layers
  std::vector<uint32_t> passed;  // neighbours that are not accepted
};

// Neighbours of neighbours make up for links that lead to rows which are not accepted, until so
// many times a row's links are met. At equal recall (0.98 and up) twice is 1.1 to 1.9 times as fast
// as half as many where 20 % and more are accepted (100,000 sentence embeddings, m = 16), and the
// same below.
constexpr size_t kNeighboursPerLink = 2;

// Of so many rows that are likely to be expanded next, the links are asked for.
constexpr size_t kLinksAhead = 3;

// From so many nearest rows that were expanded on, a walk is about where it goes: the row that it
// expands after this one is mostly known, and its neighbours are asked for as well.
constexpr size_t kSettled = 2;

template <class RowScorer, bool kFiltered>
class Walk {
 public:
  Walk(const GraphView& graph, const RowScorer& scorer, const RowFilter& filter,
       const WalkParams& params, Scratch& scratch)
      : graph_(graph), scorer_(scorer), filter_(filter), params_(params), scratch_(scratch) {}

  WalkResult Run() {
    Begin(Descend());
    for (const uint32_t seed : params_.seeds) {
      if (scratch_.visited.Visit(seed)) scratch_.pool.Offer({Cost(seed), seed});
    }
    while (!result_.gave_up) {
      const std::optional<uint32_t> next = scratch_.pool.TakeNext();
      if (!next) break;
      Expand(*next);
    }
    scratch_.pool.CopyTo(result_.rows);
    result_.in_range = static_cast<size_t>(
        std::upper_bound(result_.rows.begin(), result_.rows.end(), params_.kept.range,
                         [](float range, const WalkedRow& row) { return range < row.cost; }) -
        result_.rows.begin());
    result_.bytes =
        result_.distances * scorer_.bytes() + lists_read_ * (1 + 2 * graph_.m) * sizeof(uint32_t);
    return std::move(result_);
  }

 private:
  float Cost(uint32_t row) {
    ++result_.distances;
    return scorer_.Cost(row);
  }

  // Until they are computed again.
  const float* Costs(absl::Span<const uint32_t> rows) {
    scratch_.costs.resize(std::max(scratch_.costs.size(), rows.size()));
    scorer_.Costs(rows, scratch_.costs.data());
    result_.distances += rows.size();
    return scratch_.costs.data();
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
        const float* costs = Costs(links);
        for (size_t i = 0; i < links.size(); ++i) {
          if (costs[i] >= best.cost) continue;
          best = {costs[i], links[i]};
          moved = true;
        }
      }
    }
    return best;
  }

  void Begin(const WalkedRow& start) {
    scratch_.visited.Visit(start.row);
    if (!kFiltered || filter_.Accepts(start.row)) return scratch_.pool.Offer(start);
    Expand(start.row);
  }

  absl::Span<const uint32_t> Links(uint32_t row) {
    ++lists_read_;
    return graph_.Links(row);
  }

  void Meet(uint32_t row) {
    scorer_.Prefetch(row);
    scratch_.fresh.push_back(row);
  }

  void Collect(uint32_t row) {
    const absl::Span<const uint32_t> links = Links(row);
    scratch_.fresh.resize(links.size());
    scratch_.fresh.resize(scratch_.visited.VisitAll(links, scratch_.fresh.data()));
    for (const uint32_t fresh : scratch_.fresh) scorer_.Prefetch(fresh);
    LookAhead();
  }

  // Asks for the neighbours of the row that is expanded after this one.
  void LookAhead() {
    if (!RowScorer::kLooksAhead || scratch_.pool.expanded_first() < kSettled) return;
    scratch_.pool.ForNext(1, [this](uint32_t next) {
      for (const uint32_t link : graph_.Links(next)) {
        if (!scratch_.visited.IsVisited(link)) scorer_.Prefetch(link);
      }
    });
  }

  void CollectAccepted(uint32_t row) {
    scratch_.passed.clear();
    for (const uint32_t link : Links(row)) {
      if (!scratch_.visited.Visit(link)) continue;
      if (filter_.Accepts(link)) {
        Meet(link);
      } else {
        graph_.PrefetchLinks(link);
        scratch_.passed.push_back(link);
      }
    }
    // What is not accepted among these stays unvisited, and may be a way through from elsewhere;
    // the row's own neighbours were, and are not looked through again.
    const size_t enough = kNeighboursPerLink * 2 * graph_.m;
    for (const uint32_t passed : scratch_.passed) {
      if (scratch_.fresh.size() >= enough) break;
      for (const uint32_t link : Links(passed)) {
        if (filter_.Accepts(link) && scratch_.visited.Visit(link)) Meet(link);
      }
    }
  }

  void Expand(uint32_t row) {
    scratch_.fresh.clear();
    if constexpr (kFiltered) {
      CollectAccepted(row);
    } else {
      Collect(row);
    }
    const float* costs = Costs(scratch_.fresh);
    for (size_t i = 0; i < scratch_.fresh.size(); ++i) {
      scratch_.pool.Offer({costs[i], scratch_.fresh[i]});
    }
    // The rows that are expanded next: their links are needed first.
    scratch_.pool.ForNext(kLinksAhead, [this](uint32_t next) { graph_.PrefetchLinks(next); });
    result_.gave_up = result_.distances > params_.max_distances;
  }

  const GraphView& graph_;
  const RowScorer& scorer_;
  const RowFilter& filter_;
  const WalkParams& params_;
  Scratch& scratch_;
  size_t lists_read_ = 0;  // of links, of layer 0
  WalkResult result_;
};

// Not inlined: loops that know where it is from ask for the thread's part of memory over and over.
[[gnu::noinline]] Scratch& ScratchOfThread() {
  thread_local Scratch scratch;
  return scratch;
}

template <class RowScorer>
WalkResult RunWalk(const GraphView& graph, size_t count, const RowScorer& scorer,
                   const RowFilter& filter, const WalkParams& params) {
  Scratch& scratch = ScratchOfThread();
  scratch.visited.Start(count);
  if (params.skipped != kNoRow) scratch.visited.Visit(params.skipped);
  PoolSize kept = params.kept;
  kept.places = std::min(kept.places, count);
  kept.most_free = std::min(kept.most_free, count);
  kept.most_in_range = std::min(kept.most_in_range, count);
  scratch.pool.Start(kept);
  if (filter.AcceptsAll()) {
    return Walk<RowScorer, false>(graph, scorer, filter, params, scratch).Run();
  }
  return Walk<RowScorer, true>(graph, scorer, filter, params, scratch).Run();
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
