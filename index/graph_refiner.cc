#include "index/graph_refiner.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "index/diverse_links.h"
#include "index/for_each_row.h"
#include "index/neighbour_search.h"
#include "index/segment_format.h"
#include "index/walk_lists.h"

namespace vecnest::index {
namespace {

struct Links {
  const GraphView& graph;

  absl::Span<const uint32_t> Of(uint32_t row, std::vector<uint32_t>& /*copy*/) const {
    return graph.Links(row);
  }
  void Prefetch(uint32_t row) const { graph.PrefetchLinks(row); }
};

// Lists of rows in one array.
class RowLists {
 public:
  RowLists(size_t lists, size_t most) : most_(most), sizes_(lists), rows_(lists * most) {}

  absl::Span<const uint32_t> operator[](size_t list) const {
    return {rows_.data() + list * most_, sizes_[list]};
  }
  // Up to `most`.
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

// Until a row has so many links, or graph.m if that is more, it keeps the nearest of those until
// now whichever way they go: with fewer, walks that step on a part of the rows alone find no way.
constexpr size_t kFewestLinks = 8;

template <class Distance>
class Refiner {
 public:
  Refiner(BuiltGraph& graph, const Distance& distance, const GraphParams& params)
      : graph_(graph),
        view_(graph.View()),
        count_(graph.levels.size()),
        distance_(distance),
        params_(params),
        chosen_(count_, graph.m) {}

  void Run() {
    ForEachRow(0, count_, params_.threads, params_.stop, [this](uint32_t row) {
      Choose(row);
      if (params_.linked != nullptr && row % 2 == 1) ++*params_.linked;
    });
    if (params_.stopped()) return;
    const Incoming incoming(chosen_, count_);
    ForEachRow(0, count_, params_.threads, params_.stop,
               [&](uint32_t row) { Link(row, incoming[row]); });
  }

 private:
  void Choose(uint32_t row) {
    thread_local NeighbourSearch<Distance> search;
    thread_local std::vector<WalkedRow> near;
    const auto places = static_cast<size_t>(params_.ef_construct);
    search.Find(distance_, count_, row, view_.Links(row), std::max(places, graph_.m), Links{view_},
                near);
    search.AddStarts(near);
    KeepDiverse(near, graph_.m, distance_);
    chosen_.Set(row, near);
  }

  // In order, each once.
  void Add(uint32_t row, absl::Span<const uint32_t> added, std::vector<WalkedRow>& rows) const {
    for (const uint32_t other : added) rows.push_back({distance_(row, other), other});
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  }

  // Reads the links that the row had, and writes those that it has from now on.
  void Link(uint32_t row, absl::Span<const uint32_t> incoming) const {
    thread_local std::vector<WalkedRow> links;
    thread_local std::vector<WalkedRow> before;
    const size_t most = 2 * graph_.m;
    links.clear();
    Add(row, chosen_[row], links);
    Add(row, incoming, links);
    if (links.size() > most) KeepDiverse(links, most, distance_);
    before.clear();
    Add(row, view_.Links(row), before);
    const size_t fewest = std::min(most, std::max(graph_.m, kFewestLinks));
    for (const WalkedRow& link : before) {
      if (links.size() >= most) break;
      if (std::find(links.begin(), links.end(), link) != links.end()) continue;
      if (links.size() < fewest || IsDiverse(link, links, distance_)) links.push_back(link);
    }
    uint32_t* const block = &graph_.links[size_t{row} * (1 + most)];
    block[0] = static_cast<uint32_t>(links.size());
    for (size_t i = 0; i < links.size(); ++i) block[1 + i] = links[i].row;
  }

  BuiltGraph& graph_;
  const GraphView view_;
  const size_t count_;
  const Distance& distance_;
  const GraphParams& params_;
  RowLists chosen_;
};

}  // namespace

template <class Distance>
void RefineGraph(BuiltGraph& graph, const Distance& distance, const GraphParams& params) {
  Refiner<Distance>(graph, distance, params).Run();
}

template void RefineGraph(BuiltGraph&, const CodeDistance&, const GraphParams&);
template void RefineGraph(BuiltGraph&, const VectorDistance&, const GraphParams&);

}  // namespace vecnest::index
