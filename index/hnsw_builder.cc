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
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "index/kernels/distance.h"

namespace vecnest::index {
namespace {

using Hnsw = hnswlib::HierarchicalNSW<float>;

struct DistanceContext {
  Rows rows;
  size_t dimensions = 0;
  kernels::DistanceKernels kernels;
};

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

// Below this difference of direction, vectors count as equal; rounding alone makes as much.
constexpr float kEqualCosine = 1e-6F;
// Below every distance of different vectors.
constexpr float kEqualDistance = 1e-30F;

template <Metric metric>
float Distance(const void* left, const void* right, const void* param) {
  const auto& context = *static_cast<const DistanceContext*>(param);
  const uint32_t a = RowAt(left);
  const uint32_t b = RowAt(right);
  const float* x = context.rows.Vector(a);
  const float* y = context.rows.Vector(b);
  if constexpr (metric == Metric::kCosine || metric == Metric::kDot) {
    const float dot = context.kernels.dot(x, y, context.dimensions);
    const float cosine = dot * context.rows.inverse_norms[a] * context.rows.inverse_norms[b];
    const float difference =
        cosine > 1.0F - kEqualCosine ? kEqualCosine * Gap(a, b) : 1.0F - cosine;
    if constexpr (metric == Metric::kCosine) return difference;
    return difference < kEqualCosine ? dot * (difference - 1.0F) : -dot;
  } else {
    const float distance = metric == Metric::kEuclid
                               ? context.kernels.squared_l2(x, y, 1.0F, context.dimensions)
                               : context.kernels.l1(x, y, 1.0F, context.dimensions);
    return distance > 0 ? distance : kEqualDistance * Gap(a, b);
  }
}

class RowSpace : public hnswlib::SpaceInterface<float> {
 public:
  RowSpace(const Rows& rows, const GraphParams& params)
      : metric_(params.metric), context_{rows, params.dimensions, kernels::Distances()} {}

  size_t get_data_size() override { return sizeof(uint32_t); }
  void* get_dist_func_param() override { return &context_; }
  hnswlib::DISTFUNC<float> get_dist_func() override {
    switch (metric_) {
      case Metric::kCosine:
        return &Distance<Metric::kCosine>;
      case Metric::kDot:
        return &Distance<Metric::kDot>;
      case Metric::kEuclid:
        return &Distance<Metric::kEuclid>;
      case Metric::kManhattan:
        return &Distance<Metric::kManhattan>;
    }
    return nullptr;
  }

 private:
  const Metric metric_;
  DistanceContext context_;
};

bool IsTrue(const std::atomic<bool>* flag) { return flag != nullptr && *flag; }

// Rows 1 .. count-1; row 0 is in already, because hnswlib needs one element before threads start.
// An exception may not leave a thread: the first one is handed back. Ends early when told to.
std::exception_ptr AddOnThreads(Hnsw& hnsw, size_t count, int threads,
                                const std::atomic<bool>* stop) {
  std::atomic<size_t> next = 1;
  absl::Mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (size_t row = next++; row < count && !IsTrue(stop); row = next++) {
        const auto number = static_cast<uint32_t>(row);
        hnsw.addPoint(&number, row);
      }
    } catch (...) {
      next = count;
      const absl::MutexLock lock(&mutex);
      if (failure == nullptr) failure = std::current_exception();
    }
  };
  std::vector<std::thread> workers;
  for (int i = 1; i < threads; ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
  return failure;
}

// Copies one link list; hnswlib numbers elements in the order in which threads got to them.
void TakeOver(const Hnsw& hnsw, hnswlib::linklistsizeint* list, uint32_t* block) {
  const auto* ids = list + 1;
  block[0] = hnsw.getListCount(list);
  for (uint32_t i = 0; i < block[0]; ++i) {
    block[1 + i] = static_cast<uint32_t>(hnsw.getExternalLabel(ids[i]));
  }
}

BuiltGraph Extract(const Hnsw& hnsw, size_t count, size_t m) {
  BuiltGraph graph;
  graph.m = m;
  graph.entry_point = static_cast<uint32_t>(hnsw.getExternalLabel(hnsw.enterpoint_node_));
  graph.max_level = hnsw.maxlevel_;
  graph.links.assign(count * (1 + 2 * m), 0);
  graph.levels.resize(count);
  graph.upper_starts.resize(count);
  std::vector<hnswlib::tableint> element_of(count);
  for (hnswlib::tableint id = 0; id < count; ++id) element_of[hnsw.getExternalLabel(id)] = id;
  uint32_t blocks = 0;
  for (size_t row = 0; row < count; ++row) {
    const hnswlib::tableint id = element_of[row];
    TakeOver(hnsw, hnsw.get_linklist0(id), &graph.links[row * (1 + 2 * m)]);
    graph.levels[row] = static_cast<uint8_t>(hnsw.element_levels_[id]);
    graph.upper_starts[row] = blocks;
    blocks += graph.levels[row];
    graph.upper_links.resize(size_t{blocks} * (1 + m), 0);
    for (int level = 1; level <= graph.levels[row]; ++level) {
      const size_t start = graph.upper_starts[row] + static_cast<size_t>(level - 1);
      TakeOver(hnsw, hnsw.get_linklist(id, level), &graph.upper_links[start * (1 + m)]);
    }
  }
  return graph;
}

absl::StatusOr<BuiltGraph> Build(const Rows& rows, const GraphParams& params) {
  RowSpace space(rows, params);
  const auto m = static_cast<size_t>(params.m);
  Hnsw hnsw(&space, rows.count, m, static_cast<size_t>(params.ef_construct), params.seed);
  const uint32_t first = 0;
  hnsw.addPoint(&first, 0);
  if (const std::exception_ptr failure =
          AddOnThreads(hnsw, rows.count, params.threads, params.stop)) {
    std::rethrow_exception(failure);
  }
  if (IsTrue(params.stop)) return absl::CancelledError("building a graph was stopped");
  return Extract(hnsw, rows.count, m);
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

absl::StatusOr<BuiltGraph> BuildGraph(const Rows& rows, const GraphParams& params) {
  try {
    return Build(rows, params);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        fmt::format("no memory for a graph of {} vectors", rows.count));
  } catch (const std::exception& error) {
    return absl::InternalError(fmt::format("building a graph failed: {}", error.what()));
  }
}

}  // namespace vecnest::index
