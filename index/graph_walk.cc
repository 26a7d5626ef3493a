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
  std::vector<uint32_t> fresh;        // neighbours of one row that were not visited before
  std::vector<uint32_t> fresh_ahead;  // those of the row that is expanded next
  std::vector<float> costs;           // theirs, or those of links of upper layers
  std::vector<uint32_t> passed;       // neighbours that are not accepted
};

// Neighbours of neighbours make up for links that lead to rows which are not accepted, until so
// many times a row's links are met. At equal recall (0.98 and up) twice is 1.1 to 1.9 times as fast
// as half as many where 20 % and more are accepted (100,000 sentence embeddings, m = 16), and the
// same below.
constexpr size_t kNeighboursPerLink = 2;

// Of so many rows that are likely to be expanded next, the links are asked for.
constexpr size_t kLinksAhead = 2;

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
      const bool looked_ahead = ahead_.has_value();
      const std::optional<uint32_t> next =
          looked_ahead ? std::exchange(ahead_, std::nullopt) : scratch_.pool.TakeNext();
      if (!next) break;
      Expand(*next, looked_ahead);
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
        for (const uint32_t row : links) {
          scorer_.Prefetch(row);
          graph_.PrefetchUpperStart(row);
        }
        for (const uint32_t row : links) graph_.PrefetchDescent(row, level);
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
    Expand(start.row, false);
  }

  absl::Span<const uint32_t> Links(uint32_t row) {
    ++lists_read_;
    return graph_.Links(row);
  }

  // Those of the row's neighbours that are met for the first time, which are asked for.
  void Meet(uint32_t row, std::vector<uint32_t>& fresh) {
    const absl::Span<const uint32_t> links = Links(row);
    fresh.resize(links.size());
    fresh.resize(scratch_.visited.VisitAll(links, fresh.data()));
    for (const uint32_t link : fresh) scorer_.Prefetch(link);
  }

  void Collect(uint32_t row, bool looked_ahead) {
    if (looked_ahead) {
      scratch_.fresh.swap(scratch_.fresh_ahead);
    } else {
      Meet(row, scratch_.fresh);
    }
    if constexpr (RowScorer::kLooksAhead) {
      // The row that is expanded after the present one is chosen now: not waiting for what this one
      // leads to is worth more than that it may be nearer.
      ahead_ = scratch_.pool.TakeNext();
      if (ahead_) Meet(*ahead_, scratch_.fresh_ahead);
    }
  }

  void Accept(uint32_t row) {
    scorer_.Prefetch(row);
    scratch_.fresh.push_back(row);
  }

  void CollectAccepted(uint32_t row) {
    scratch_.passed.clear();
    for (const uint32_t link : Links(row)) {
      if (!scratch_.visited.Visit(link)) continue;
      if (filter_.Accepts(link)) {
        Accept(link);
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
        if (filter_.Accepts(link) && scratch_.visited.Visit(link)) Accept(link);
      }
    }
  }

  void Expand(uint32_t row, bool looked_ahead) {
    scratch_.fresh.clear();
    if constexpr (kFiltered) {
      CollectAccepted(row);
    } else {
      Collect(row, looked_ahead);
    }
    const float* costs = Costs(scratch_.fresh);
    scratch_.pool.Offer(scratch_.fresh, costs);
    // The rows that are expanded next: their links are needed first.
    scratch_.pool.ForNext(kLinksAhead, [this](uint32_t next) { graph_.PrefetchLinks(next); });
    result_.gave_up = result_.distances > params_.max_distances;
  }

  const GraphView& graph_;
  const RowScorer& scorer_;
  const RowFilter& filter_;
  const WalkParams& params_;
  Scratch& scratch_;
  std::optional<uint32_t> ahead_;  // to be expanded next
  size_t lists_read_ = 0;          // of links, of layer 0
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
