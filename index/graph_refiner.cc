#include "index/graph_refiner.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "index/for_each_row.h"
#include "index/neighbour_search.h"
#include "index/segment_format.h"
#include "index/walk_lists.h"

namespace vecnest::index {
namespace {

struct Links {
  const GraphView& graph;

  void Copy(uint32_t row, std::vector<uint32_t>& links) const {
    const absl::Span<const uint32_t> found = graph.Links(row);
    links.assign(found.begin(), found.end());
  }
  void Prefetch(uint32_t row) const { graph.PrefetchLinks(row); }
};

void InOrder(std::vector<WalkedRow>& rows) {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

// Of rows in order those that are nearer to the row that is linked than to any chosen before them,
// up to `most` (algorithm 4 of Malkov & Yashunin 2016).
template <class Distance>
void KeepDiverse(std::vector<WalkedRow>& rows, size_t most, const Distance& distance) {
  size_t kept = 0;
  for (size_t i = 0; i < rows.size() && kept < most; ++i) {
    const WalkedRow candidate = rows[i];
    const bool diverse = std::all_of(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(kept),
                                     [&](const WalkedRow& chosen) {
                                       return distance(chosen.row, candidate.row) >= candidate.cost;
                                     });
    if (diverse) rows[kept++] = candidate;
  }
  rows.resize(kept);
}

// Lists of rows in one array.
class RowLists {
 public:
  RowLists(size_t lists, size_t most) : most_(most), sizes_(lists), rows_(lists * most) {}

  absl::Span<const uint32_t> operator[](size_t list) const {
    return {rows_.data() + list * most_, sizes_[list]};
  }
  void Set(size_t list, absl::Span<const WalkedRow> rows) {
    sizes_[list] = static_cast<uint32_t>(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) rows_[list * most_ + i] = rows[i].row;
  }

 private:
  const size_t most_;
  std::vector<uint32_t> sizes_;
  std::vector<uint32_t> rows_;
};

// For each row those that have it in their lists, in ascending order.
class Incoming {
 public:
  Incoming(const RowLists& lists, size_t count) : starts_(count + 2) {
    for (size_t from = 0; from < count; ++from) {
      for (const uint32_t to : lists[from]) ++starts_[to + 2];
    }
    for (size_t i = 2; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    rows_.resize(starts_.back());
    for (uint32_t from = 0; from < count; ++from) {
      for (const uint32_t to : lists[from]) rows_[starts_[to + 1]++] = from;
    }
  }

  absl::Span<const uint32_t> operator[](size_t to) const {
    return {rows_.data() + starts_[to], starts_[to + 1] - starts_[to]};
  }

 private:
  std::vector<size_t> starts_;
  std::vector<uint32_t> rows_;
};

template <class Distance>
void Choose(uint32_t row, const GraphView& graph, size_t count, const Distance& distance,
            const GraphParams& params, RowLists& chosen) {
  thread_local NeighbourSearch<Distance> search;
  const absl::Span<const uint32_t> links = graph.Links(row);
  std::vector<WalkedRow> near = search.Find(distance, count, row, links,
                                            static_cast<size_t>(params.ef_construct), Links{graph});
  for (const uint32_t link : links) near.push_back({distance(row, link), link});
  InOrder(near);
  KeepDiverse(near, static_cast<size_t>(params.m), distance);
  chosen.Set(row, near);
}

template <class Distance>
void Link(uint32_t row, absl::Span<const uint32_t> chosen, absl::Span<const uint32_t> incoming,
          const Distance& distance, size_t most, uint32_t* block) {
  thread_local std::vector<WalkedRow> links;
  links.clear();
  for (const auto& rows : {chosen, incoming}) {
    for (const uint32_t link : rows) links.push_back({distance(row, link), link});
  }
  InOrder(links);
  if (links.size() > most) KeepDiverse(links, most, distance);
  block[0] = static_cast<uint32_t>(links.size());
  for (size_t i = 0; i < links.size(); ++i) block[1 + i] = links[i].row;
}

}  // namespace

template <class Distance>
void RefineGraph(BuiltGraph& graph, const Distance& distance, const GraphParams& params) {
  const size_t count = graph.levels.size();
  const GraphView view = graph.View();
  RowLists chosen(count, graph.m);
  ForEachRow(0, count, params.threads, params.stop, [&](uint32_t row) {
    Choose(row, view, count, distance, params, chosen);
    if (params.linked != nullptr && row % 2 == 1) ++*params.linked;
  });
  const Incoming incoming(chosen, count);
  ForEachRow(0, count, params.threads, params.stop, [&](uint32_t row) {
    Link(row, chosen[row], incoming[row], distance, 2 * graph.m,
         &graph.links[size_t{row} * (1 + 2 * graph.m)]);
  });
}

template void RefineGraph(BuiltGraph&, const CodeDistance&, const GraphParams&);
template void RefineGraph(BuiltGraph&, const VectorDistance&, const GraphParams&);

}  // namespace vecnest::index
