#include "index/hnsw_builder.h"

// Its own SIMD is not used, and would bring functions and variables that are not inline: whoever
// else includes hnswlib in the same program would define them again.
#define NO_MANUAL_VECTORIZATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop
#undef NO_MANUAL_VECTORIZATION

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <queue>
#include <random>
#include <utility>

#include "fmt/format.h"
#include "index/for_each_row.h"
#include "index/graph_refiner.h"
#include "index/neighbour_search.h"
#include "index/prefetch.h"
#include "index/row_distance.h"

namespace vecnest::index {
namespace {

using Hnsw = hnswlib::HierarchicalNSW<float>;

uint32_t RowAt(const void* element) {
  uint32_t row = 0;
  std::memcpy(&row, element, sizeof(row));
  return row;
}

// How many the first look at the links of the lowest layer is for, when the second, which
// graph_refiner.h takes, is for `ef`: a third of them, but 64 if there are as many. What the second
// finds is hardly better after a full first look.
size_t FirstEf(size_t ef) { return std::max(ef / 3, std::min<size_t>(ef, 64)); }

// hnswlib's elements are row numbers; it calls back for distances.
template <class Distance>
class RowSpace : public hnswlib::SpaceInterface<float> {
 public:
  explicit RowSpace(const Distance& distance) : distance_(distance) {}

  size_t get_data_size() override { return sizeof(uint32_t); }
  void* get_dist_func_param() override { return const_cast<Distance*>(&distance_); }
  hnswlib::DISTFUNC<float> get_dist_func() override {
    return [](const void* a, const void* b, const void* distance) {
      return (*static_cast<const Distance*>(distance))(RowAt(a), RowAt(b));
    };
  }

 private:
  const Distance& distance_;
};

// hnswlib's graph and its choice of links, with an insertion of our own: element i is row i, levels
// depend on nothing but seed and row, and neighbours are looked for as neighbour_search.h says.
template <class Distance>
class Builder : public Hnsw {
 public:
  Builder(RowSpace<Distance>* space, const Distance& distance, size_t count,
          const GraphParams& params)
      : Hnsw(space, count, static_cast<size_t>(params.m), static_cast<size_t>(params.ef_construct)),
        distance_(distance),
        seed_(params.seed),
        first_ef_(std::max(M_, FirstEf(ef_construction_))) {
    cur_element_count = count;
    for (uint32_t row = 0; row < count; ++row) Place(row);
    enterpoint_node_ = 0;
    maxlevel_ = element_levels_[0];
  }

  // Links a row other than the first. Rows may be linked by several threads at a time.
  void Link(uint32_t row) {
    // Others may meet the row on an upper layer before it is linked on the lower ones.
    const std::unique_lock<std::mutex> lock(link_list_locks_[row]);
    const int level = element_levels_[row];
    std::unique_lock<std::mutex> top(global);
    const int top_level = maxlevel_;
    hnswlib::tableint entry = enterpoint_node_;
    if (level <= top_level) top.unlock();
    entry = Descend(row, entry, top_level, level);
    for (int layer = std::min(level, top_level); layer >= 0; --layer) {
      auto candidates = SearchLayer(row, entry, layer);
      entry = mutuallyConnectNewElement(&row, row, candidates, layer, false);
    }
    if (level > top_level) {
      enterpoint_node_ = row;
      maxlevel_ = level;
    }
  }

 private:
  using Candidates =
      std::priority_queue<std::pair<float, hnswlib::tableint>,
                          std::vector<std::pair<float, hnswlib::tableint>>, CompareByFirst>;
  // The links of a layer while other threads change them.
  struct Links {
    Builder& builder;
    int layer = 0;

    absl::Span<const uint32_t> Of(uint32_t row, std::vector<uint32_t>& copy) const {
      builder.CopyLinks(row, layer, copy);
      return copy;
    }
    void Prefetch(uint32_t row) const {
      PrefetchBytes(&builder.link_list_locks_[row], sizeof(std::mutex));
      PrefetchBytes(builder.get_linklist_at_level(row, layer), builder.size_links_level0_);
    }
  };

  void Place(uint32_t row) {
    std::memset(data_level0_memory_ + row * size_data_per_element_, 0, size_data_per_element_);
    std::memcpy(getDataByInternalId(row), &row, sizeof(row));
    const int level = LevelOf(row);
    element_levels_[row] = level;
    if (level == 0) return;
    const size_t size = size_links_per_element_ * static_cast<size_t>(level) + 1;
    linkLists_[row] = static_cast<char*>(std::calloc(size, 1));
    if (linkLists_[row] == nullptr) throw std::bad_alloc();
  }

  int LevelOf(uint32_t row) const {
    std::seed_seq seeds{seed_, seed_ >> 32, uint64_t{row}};
    std::minstd_rand generator(seeds);
    const double uniform = std::uniform_real_distribution<double>(0x1p-40, 1.0)(generator);
    return std::min(static_cast<int>(-std::log(uniform) * mult_), kMaxGraphLevel);
  }

  // Copies the links of a row, which another thread may be changing.
  void CopyLinks(uint32_t row, int layer, std::vector<uint32_t>& links) {
    const std::unique_lock<std::mutex> lock(link_list_locks_[row]);
    auto* list = get_linklist_at_level(row, layer);
    links.assign(list + 1, list + 1 + getListCount(list));
  }

  hnswlib::tableint Descend(uint32_t row, hnswlib::tableint entry, int from, int to) {
    std::vector<uint32_t> links;
    float nearest = distance_(row, entry);
    for (int layer = from; layer > to; --layer) {
      for (bool moved = true; moved;) {
        moved = false;
        CopyLinks(entry, layer, links);
        for (const uint32_t link : links) distance_.Prefetch(link);
        for (const uint32_t link : links) {
          const float distance = distance_(row, link);
          if (distance >= nearest) continue;
          nearest = distance;
          entry = link;
          moved = true;
        }
      }
    }
    return entry;
  }

  // Fewer are looked for on the lowest layer, which is looked at again.
  Candidates SearchLayer(uint32_t row, hnswlib::tableint entry, int layer) {
    thread_local NeighbourSearch<Distance> search;
    thread_local std::vector<WalkedRow> found;
    search.Find(distance_, max_elements_, row, {&entry, 1},
                layer == 0 ? first_ef_ : ef_construction_, Links{*this, layer}, found);
    Candidates candidates;
    for (const WalkedRow& neighbour : found) candidates.emplace(neighbour.cost, neighbour.row);
    return candidates;
  }

  const Distance& distance_;
  const uint64_t seed_;
  const size_t first_ef_;
};

void TakeOver(const Hnsw& hnsw, hnswlib::linklistsizeint* list, uint32_t* block) {
  block[0] = hnsw.getListCount(list);
  std::copy_n(list + 1, block[0], block + 1);
}

BuiltGraph Extract(const Hnsw& hnsw, size_t count, size_t m) {
  BuiltGraph graph;
  graph.m = m;
  graph.entry_point = hnsw.enterpoint_node_;
  graph.max_level = hnsw.maxlevel_;
  graph.links.assign(count * (1 + 2 * m), 0);
  graph.levels.resize(count);
  graph.upper_starts.resize(count);
  uint32_t blocks = 0;
  for (uint32_t row = 0; row < count; ++row) {
    TakeOver(hnsw, hnsw.get_linklist0(row), &graph.links[row * (1 + 2 * m)]);
    graph.levels[row] = static_cast<uint8_t>(hnsw.element_levels_[row]);
    graph.upper_starts[row] = blocks;
    blocks += graph.levels[row];
    graph.upper_links.resize(size_t{blocks} * (1 + m), 0);
    for (int level = 1; level <= graph.levels[row]; ++level) {
      const size_t start = graph.upper_starts[row] + static_cast<size_t>(level - 1);
      TakeOver(hnsw, hnsw.get_linklist(row, level), &graph.upper_links[start * (1 + m)]);
    }
  }
  return graph;
}

template <class Distance>
absl::StatusOr<BuiltGraph> Build(const Distance& distance, size_t count,
                                 const GraphParams& params) {
  RowSpace<Distance> space(distance);
  auto builder = std::make_unique<Builder<Distance>>(&space, distance, count, params);
  // Row 0 is where the graph begins.
  ForEachRow(1, count, params.threads, params.stop, [&](uint32_t row) {
    builder->Link(row);
    // The other half is counted when links are looked at again.
    if (params.linked != nullptr && row % 2 == 0) ++*params.linked;
  });
  if (params.stopped()) return absl::CancelledError("building a graph was stopped");
  BuiltGraph graph = Extract(*builder, count, static_cast<size_t>(params.m));
  builder.reset();
  RefineGraph(graph, distance, params);
  if (params.stopped()) return absl::CancelledError("building a graph was stopped");
  return graph;
}

}  // namespace

GraphView BuiltGraph::View() const {
  GraphView view;
  view.m = m;
  view.entry_point = entry_point;
  view.max_level = max_level;
  view.links = links.data();
  view.levels = levels.data();
  view.upper_starts = upper_starts.data();
  view.upper_links = upper_links.data();
  return view;
}

absl::StatusOr<BuiltGraph> BuildGraph(const Rows& rows, const CodeView& codes,
                                      const GraphParams& params) {
  try {
    if (!codes.empty()) {
      return Build(CodeDistance(codes, rows, params.metric), rows.count, params);
    }
    return Build(VectorDistance(rows, params.dimensions), rows.count, params);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        fmt::format("no memory for a graph of {} vectors", rows.count));
  } catch (const std::exception& error) {
    return absl::InternalError(fmt::format("building a graph failed: {}", error.what()));
  }
}

}  // namespace vecnest::index
