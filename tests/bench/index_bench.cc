// Kernels in bytes per second, and searches of 20,000 clustered vectors of 384 dimensions by the
// index and by plain hnswlib over the same kernels, graph parameters and data.
//
// Counters: "recall" is recall@10 against the exact scan; "vs_hnswlib" is how many times as many
// queries per second the index answers as hnswlib at the same ef, measured in the same run.
#include <benchmark/benchmark.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "index/kernels/distance.h"
#include "index/vector_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kRows = 20000;
constexpr size_t kQueries = 300;
constexpr size_t kWidth = 384;
constexpr size_t kTop = 10;

void Dot(benchmark::State& state, const kernels::DistanceKernels& kernels) {
  const testing::Matrix points = testing::Clustered(64, kWidth, 1);
  size_t row = 0;
  for (auto _ : state) {
    row = (row + 1) % 64;
    benchmark::DoNotOptimize(kernels.dot(points.Row(0).data(), points.Row(row).data(), kWidth));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kWidth * sizeof(float)));
}

float HnswlibDistance(const void* a, const void* b, const void* /*unused*/) {
  return 1.0F - kernels::Distances().dot(static_cast<const float*>(a), static_cast<const float*>(b),
                                         kWidth);
}

class DotSpace : public hnswlib::SpaceInterface<float> {
 public:
  size_t get_data_size() override { return kWidth * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return &HnswlibDistance; }
  void* get_dist_func_param() override { return nullptr; }
};

std::vector<Label> LabelsOf(const VectorIndex& index, absl::Span<const float> query,
                            const SearchParams& params) {
  const auto answer = index.Search(query, params, nullptr);
  std::vector<Label> labels;
  for (const ScoredLabel& found : *answer) labels.push_back(found.label);
  return labels;
}

// Both indexes over the same vectors; made once.
struct Setup {
  Setup() : hnsw(&space, kRows, 16, 200, 100) {
    IndexConfig config;
    config.dimensions = kWidth;
    config.seal_threshold = kRows;
    index = std::move(VectorIndex::Open(directory.path(), config, {})->index);
    for (size_t row = 0; row < kRows; ++row) {
      hnsw.addPoint(points.Row(row).data(), row + 1);
      (void)index->Add(row + 1, testing::KeyOf(row + 1), static_cast<PointNumber>(row + 1),
                       points.Row(row));
    }
    (void)index->SealAll();
    SearchParams exact;
    exact.exact = true;
    for (size_t query = 0; query < kQueries; ++query) {
      const std::vector<Label> labels = LabelsOf(*index, queries.Row(query), exact);
      truth.emplace_back(labels.begin(), labels.end());
    }
  }

  TemporaryDirectory directory;
  testing::Matrix points = testing::Clustered(kRows, kWidth, 1);
  testing::Matrix queries = testing::Clustered(kQueries, kWidth, 2);
  DotSpace space;
  hnswlib::HierarchicalNSW<float> hnsw;
  std::unique_ptr<VectorIndex> index;
  std::vector<std::set<Label>> truth;
  std::map<size_t, double> hnswlib_seconds;  // per query, by ef
};

Setup& Shared() {
  static Setup setup;
  return setup;
}

// Runs `search` (query number -> labels found) and reports recall; returns seconds per query.
template <class Search>
double Run(benchmark::State& state, const Search& search) {
  const Setup& setup = Shared();
  size_t query = 0;
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) benchmark::DoNotOptimize(search(query++ % kQueries));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  size_t hits = 0;
  for (size_t i = 0; i < kQueries; ++i) {
    for (const Label label : search(i)) hits += setup.truth[i].count(label);
  }
  state.counters["recall"] = static_cast<double>(hits) / (kQueries * kTop);
  state.SetItemsProcessed(state.iterations());
  return elapsed.count() / static_cast<double>(state.iterations());
}

void Hnswlib(benchmark::State& state) {
  Setup& setup = Shared();
  const auto ef = static_cast<size_t>(state.range(0));
  setup.hnsw.ef_ = ef;
  setup.hnswlib_seconds[ef] = Run(state, [&](size_t query) {
    auto found = setup.hnsw.searchKnn(setup.queries.Row(query).data(), kTop);
    std::vector<Label> labels;
    for (; !found.empty(); found.pop()) labels.push_back(found.top().second);
    return labels;
  });
}

void Index(benchmark::State& state) {
  Setup& setup = Shared();
  SearchParams params;
  params.ef = static_cast<size_t>(state.range(0));
  const double seconds = Run(state, [&](size_t query) {
    return LabelsOf(*setup.index, setup.queries.Row(query), params);
  });
  if (const auto other = setup.hnswlib_seconds.find(params.ef);
      other != setup.hnswlib_seconds.end()) {
    state.counters["vs_hnswlib"] = other->second / seconds;
  }
}

BENCHMARK(Hnswlib)->Arg(16)->Arg(32)->Arg(64)->Arg(128);
BENCHMARK(Index)->Arg(16)->Arg(32)->Arg(64)->Arg(128);

}  // namespace
}  // namespace vecnest::index

int main(int argc, char** argv) {
  for (const auto& kernels : vecnest::index::kernels::AllDistances()) {
    benchmark::RegisterBenchmark(
        (std::string("Dot/") + kernels.name).c_str(),
        [kernels](benchmark::State& state) { vecnest::index::Dot(state, kernels); });
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
