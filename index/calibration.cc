#include "index/calibration.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "index/for_each_row.h"
#include "index/graph_walk.h"
#include "index/left_out_row.h"
#include "index/ranking.h"
#include "index/scorer.h"
#include "index/search_plan.h"

namespace vecnest::index {
namespace {

constexpr size_t kQueries = 256;
constexpr size_t kTop = 10;
constexpr size_t kFewestRows = 1000;

// A row taken for a query, and its nearest others.
struct Sample {
  uint32_t row = 0;
  Scorer scorer;
  std::vector<WalkedRow> nearest;  // max-heap, later in order

  void Offer(const WalkedRow& found) {
    if (found.row == row || (nearest.size() == kTop && !(found < nearest.front()))) return;
    if (nearest.size() == kTop) {
      std::pop_heap(nearest.begin(), nearest.end());
      nearest.pop_back();
    }
    nearest.push_back(found);
    std::push_heap(nearest.begin(), nearest.end());
  }
};

// Row by row, so that each is read once.
void FindNearest(const Rows& rows, const GraphParams& params, absl::Span<Sample> samples) {
  VectorBuffer buffer;
  for (uint32_t row = 0; row < rows.count && !params.stopped(); ++row) {
    const float* vector = rows.Vector(row, buffer);
    for (Sample& sample : samples) {
      sample.Offer({sample.scorer.Cost(vector, rows.inverse_norms[row]), row});
    }
  }
}

std::vector<Sample> TakeSamples(const Rows& rows, const GraphView& graph,
                                const GraphParams& params) {
  std::vector<Sample> samples;
  const size_t spacing = rows.count / kQueries;
  VectorBuffer buffer;
  for (size_t i = 0; i < kQueries; ++i) {
    // Not in step with how the rows were added.
    const size_t row = i * spacing + i * 2654435761U % spacing;
    if (rows.inverse_norms[row] == 0 || row == graph.entry_point) continue;
    const absl::Span<const float> vector(rows.Vector(row, buffer), params.dimensions);
    samples.push_back({static_cast<uint32_t>(row),
                       Scorer(params.metric, vector, params.dimensions, Renormalize::kNo),
                       {}});
  }
  const size_t threads = std::min(static_cast<size_t>(params.threads), samples.size());
  ForEachRow(0, threads, params.threads, params.stop, [&](size_t part) {
    const size_t first = samples.size() * part / threads;
    const size_t end = samples.size() * (part + 1) / threads;
    FindNearest(rows, params, absl::MakeSpan(samples).subspan(first, end - first));
  });
  return samples;
}

// Ranks what a walk finds, as searches do.
void Rank(const Rows& rows, const CodeView& codes, const GraphView& graph,
          const GraphParams& params, const Sample& sample, size_t ef, Ranking& ranking) {
  WalkParams walk;
  walk.kept.places = ef;
  walk.max_distances = std::numeric_limits<size_t>::max();
  const RowFilter all = RowFilter::All();
  if (codes.empty()) {
    const VectorScorer scorer(rows, sample.scorer);
    return ranking.RankKnown(rows, WalkGraph(graph, rows.count, scorer, all, walk).rows);
  }
  VectorBuffer buffer;
  const absl::Span<const float> vector(rows.Vector(sample.row, buffer), params.dimensions);
  const CodeScorer scorer(codes, params.metric, vector, params.dimensions, Renormalize::kNo);
  const WalkResult found = WalkGraph(graph, rows.count, scorer, all, walk);
  if (scorer.TellsErrors()) {
    constexpr float kNoLimit = std::numeric_limits<float>::infinity();
    return ranking.RankByErrors(rows, scorer, found.rows, kNoLimit);
  }
  const size_t ranked =
      DefaultRescored(kTop, params.dimensions, params.dimensions, codes.format.bits, ef);
  ranking.RankFound(rows, absl::MakeConstSpan(found.rows).subspan(0, ranked));
}

// How many of the nearest are found.
size_t Hits(const Rows& rows, const CodeView& codes, const GraphView& graph,
            const GraphParams& params, const Sample& sample, size_t ef) {
  SearchStats stats;
  Ranking ranking(sample.scorer, kTop, stats);
  Rank(rows, codes, graph, params, sample, ef, ranking);
  const float worst = sample.nearest.front().cost;
  const std::vector<Candidate> found = ranking.nearest().TakeUnique();
  const auto hits = std::count_if(found.begin(), found.end(), [worst](const Candidate& candidate) {
    return candidate.cost <= worst;
  });
  return static_cast<size_t>(hits);
}

}  // namespace

size_t RecallCurve::EfFor(float wanted) const {
  for (size_t i = 0; i < kRecallSteps; ++i) {
    if (recall[i] < wanted) continue;
    if (i == 0 || recall[i] <= recall[i - 1]) return kEf[i];
    const float share = (wanted - recall[i - 1]) / (recall[i] - recall[i - 1]);
    const auto step = static_cast<float>(kEf[i] - kEf[i - 1]);
    return kEf[i - 1] + static_cast<size_t>(share * step + 1);
  }
  return 2 * kEf.back();
}

RecallCurve MeasureRecall(const Rows& rows, const CodeView& codes, BuiltGraph& graph,
                          const GraphParams& params) {
  RecallCurve curve;
  if (rows.count < kFewestRows) return curve;
  const GraphView view = graph.View();
  const std::vector<Sample> samples = TakeSamples(rows, view, params);
  if (samples.empty()) return curve;
  std::vector<uint32_t> queries;
  for (const Sample& sample : samples) queries.push_back(sample.row);
  const std::vector<std::vector<Referrer>> referrers = ReferrersOf(graph, queries);
  std::array<size_t, kRecallSteps> hits{};
  for (size_t query = 0; query < queries.size(); ++query) {
    const LeftOutRow left_out(graph, rows, params, queries[query], referrers[query]);
    for (size_t i = 0; i < kRecallSteps; ++i) {
      if (params.stopped()) return {};
      hits[i] += Hits(rows, codes, view, params, samples[query], RecallCurve::kEf[i]);
    }
  }
  for (size_t i = 0; i < kRecallSteps; ++i) {
    curve.recall[i] = static_cast<float>(hits[i]) / static_cast<float>(samples.size() * kTop);
  }
  return curve;
}

}  // namespace vecnest::index
