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
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <queue>
#include <random>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "index/kernels/code_distance.h"
#include "index/kernels/distance.h"
#include "index/walk_lists.h"

namespace vecnest::index {
namespace {

using Hnsw = hnswlib::HierarchicalNSW<float>;

uint32_t RowAt(const void* element) {
  uint32_t row = 0;
  std::memcpy(&row, element, sizeof(row));
  return row;
}

// Equal vectors are told apart by where their row numbers fall on a line. If all of them had
// distance 0, more of them than a row has links would link to nothing but each other, and a walk
// that gets among them would never leave. On the line each needs two links to the others.
float Gap(uint32_t a, uint32_t b) {
  constexpr uint32_t kGoldenRatio = 2654435761U;
  const auto position = [](uint32_t row) { return static_cast<float>(row * kGoldenRatio >> 8); };
  return std::fabs(position(a) - position(b)) * 0x1p-24F;
}

// Distances between the vectors of a segment, by L1.
class VectorDistance {
 public:
  VectorDistance(const Rows& rows, size_t dimensions) : rows_(rows), dimensions_(dimensions) {}

  float operator()(uint32_t a, uint32_t b) const {
    // Below every distance of different vectors.
    constexpr float kEqual = 1e-30F;
    thread_local VectorBuffer buffer_a;
    thread_local VectorBuffer buffer_b;
    const float distance =
        kernels_.l1(rows_.Vector(a, buffer_a), rows_.Vector(b, buffer_b), 1.0F, dimensions_);
    return distance > 0 ? distance : kEqual * Gap(a, b);
  }
  void Prefetch(uint32_t row) const { rows_.Prefetch(row, dimensions_); }

 private:
  const kernels::DistanceKernels& kernels_ = kernels::Distances();
  const Rows rows_;
  const size_t dimensions_;
};

// Distances between codes: of the dot product's negative for a graph of that metric, else the
// squared Euclidean distance, which for vectors of unit length is that of the cosine.
class CodeDistance {
 public:
  CodeDistance(const CodeView& codes, const Rows& rows, Metric metric)
      : kernels_(kernels::CodeDistances(codes.format.bits)),
        codes_(codes),
        dimensions_(codes.format.Padded(codes.center.size())),
        is_dot_(metric == Metric::kDot) {
    norms_squared_.reserve(rows.count);
    for (uint32_t row = 0; row < rows.count; ++row) norms_squared_.push_back(Product(row, row));
    if (is_dot_) AddCenter(rows);
  }

  float operator()(uint32_t a, uint32_t b) const {
    const int32_t product = Product(a, b);
    const int32_t distance = norms_squared_[a] + norms_squared_[b] - 2 * product;
    if (is_dot_) {
      const float dot = static_cast<float>(product) + by_center_[a] + by_center_[b];
      return distance > 0 ? -dot : dot * (kEqual * Gap(a, b) - 1.0F);
    }
    return distance > 0 ? static_cast<float>(distance) : kEqual * Gap(a, b);
  }
  void Prefetch(uint32_t row) const { codes_.Prefetch(row, codes_.stride); }

 private:
  static constexpr float kEqual = 1e-6F;

  int32_t Product(uint32_t a, uint32_t b) const {
    return kernels_.dot_codes(codes_.Code(a), codes_.Code(b), dimensions_);
  }

  // With x = c + a and y = c + b, xy is ab + (xc - cc / 2) + (yc - cc / 2): what each row adds to
  // the products of codes, in squares of their step.
  void AddCenter(const Rows& rows) {
    const absl::Span<const float> center = codes_.center;
    const auto& dot = kernels::Distances().dot;
    const float half = dot(center.data(), center.data(), center.size()) / 2;
    VectorBuffer buffer;
    for (size_t row = 0; row < rows.count; ++row) {
      const float product = dot(rows.Vector(row, buffer), center.data(), center.size());
      by_center_.push_back((product - half) / codes_.step / codes_.step);
    }
  }

  const kernels::CodeKernels& kernels_;
  const CodeView codes_;
  const size_t dimensions_;
  const bool is_dot_;
  std::vector<int32_t> norms_squared_;
  std::vector<float> by_center_;  // of the dot product
};

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
// depend on nothing but seed and row, and the search for neighbours asks for all codes of an
// expansion before it computes the first distance.
template <class Distance>
class Builder : public Hnsw {
 public:
  Builder(RowSpace<Distance>* space, const Distance& distance, size_t count,
          const GraphParams& params)
      : Hnsw(space, count, static_cast<size_t>(params.m), static_cast<size_t>(params.ef_construct)),
        distance_(distance),
        seed_(params.seed) {
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
  struct Scratch {
    VisitedRows visited;
    Pool pool;
    std::vector<uint32_t> links;
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

  Candidates SearchLayer(uint32_t row, hnswlib::tableint entry, int layer) {
    thread_local Scratch scratch;
    scratch.visited.Start(max_elements_);
    scratch.pool.Start({.places = ef_construction_});
    scratch.visited.Visit(row);
    scratch.visited.Visit(entry);
    scratch.pool.Offer({distance_(row, entry), entry});
    while (const std::optional<uint32_t> next = scratch.pool.TakeNext()) {
      CopyLinks(*next, layer, scratch.links);
      scratch.links.resize(scratch.visited.VisitAll(scratch.links, scratch.links.data()));
      for (const uint32_t link : scratch.links) distance_.Prefetch(link);
      for (const uint32_t link : scratch.links) {
        scratch.pool.Offer({distance_(row, link), link});
      }
    }
    std::vector<WalkedRow> found;
    scratch.pool.CopyTo(found);
    Candidates candidates;
    for (const WalkedRow& neighbour : found) candidates.emplace(neighbour.cost, neighbour.row);
    return candidates;
  }

  const Distance& distance_;
  const uint64_t seed_;
};

// Rows 1 .. count-1; row 0 is where the graph begins. An exception may not leave a thread: the
// first one is handed back. Ends early when told to.
template <class Distance>
std::exception_ptr LinkOnThreads(Builder<Distance>& builder, size_t count,
                                 const GraphParams& params) {
  std::atomic<size_t> next = 1;
  absl::Mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (size_t row = next++; row < count && !params.stopped(); row = next++) {
        builder.Link(static_cast<uint32_t>(row));
        if (params.linked != nullptr) ++*params.linked;
      }
    } catch (...) {
      next = count;
      const absl::MutexLock lock(&mutex);
      if (failure == nullptr) failure = std::current_exception();
    }
  };
  std::vector<std::thread> workers;
  for (int i = 1; i < params.threads; ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
  return failure;
}

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
  Builder<Distance> builder(&space, distance, count, params);
  if (const std::exception_ptr failure = LinkOnThreads(builder, count, params)) {
    std::rethrow_exception(failure);
  }
  if (params.stopped()) return absl::CancelledError("building a graph was stopped");
  return Extract(builder, count, static_cast<size_t>(params.m));
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
