// Recall@10 of an index's searches against plain loops in double.
#ifndef VECNEST_TESTS_INDEX_RECALL_H_
#define VECNEST_TESTS_INDEX_RECALL_H_

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/vector_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index::testing {

inline constexpr size_t kTop = 10;

struct Found {
  double recall = 0;
  size_t walked = 0;  // queries in which a graph took part
  size_t distances = 0;
};

class Recall {
 public:
  Recall(Matrix points, Matrix queries, const IndexConfig& config)
      : points_(std::move(points)), queries_(std::move(queries)), config_(config) {
    config_.dimensions = static_cast<int>(points_.dimensions);
    index_ = std::move(VectorIndex::Open(directory_.path(), config_, {})->index);
  }

  VectorIndex& index() { return *index_; }
  const Matrix& points() const { return points_; }

  void AddAll() {
    for (size_t row = 0; row < points_.count(); ++row) {
      ASSERT_TRUE(
          index_->Add(row + 1, KeyOf(row + 1), static_cast<PointNumber>(row + 1), points_.Row(row))
              .ok());
    }
    Maintain();
  }

  void Maintain() {
    absl::StatusOr<bool> more = true;
    while (*more) {
      more = testing::Maintain(*index_);
      ASSERT_TRUE(more.ok()) << more.status();
    }
  }

  void Reopen() {
    ASSERT_TRUE(index_->SealAll().ok());
    const Manifest manifest = index_->TakeManifest();
    index_.reset();
    auto opened = VectorIndex::Open(directory_.path(), config_, manifest);
    ASSERT_TRUE(opened.ok() && opened->damaged.empty());
    index_ = std::move(opened->index);
  }

  // An answer counts when its true score is as good as the tenth of the plain loop, to rounding:
  // among equals any choice is right.
  Found Measure(const SearchParams& params) const {
    return MeasureSome(params, 0, queries_.count());
  }

  // Of the queries from `first` to before `end`.
  Found MeasureSome(const SearchParams& params, size_t first, size_t end) const {
    const std::vector<Label> live = Matches(params);
    const Metric metric = params.metric.value_or(config_.metric);
    const size_t width =
        params.dimensions == 0 ? points_.dimensions : static_cast<size_t>(params.dimensions);
    const bool renormalize = index_->Stats().unit_norm;
    const double sign = LargerIsNearer(metric) ? -1 : 1;
    Found found;
    size_t hits = 0;
    size_t wanted = 0;
    for (size_t q = first; q < end; ++q) {
      std::vector<double> costs;
      for (const Label label : live) {
        costs.push_back(
            sign * PlainScore(metric, queries_.Row(q), points_.Row(label - 1), width, renormalize));
      }
      const size_t top = std::min(kTop, costs.size());
      std::nth_element(costs.begin(), costs.begin() + static_cast<ptrdiff_t>(top) - 1, costs.end());
      const double worst = costs[top - 1];
      SearchStats stats;
      const auto answer = index_->Search(queries_.Row(q), params, &stats);
      EXPECT_EQ(answer->size(), top);
      for (const ScoredLabel& hit : *answer) {
        const double cost = sign * PlainScore(metric, queries_.Row(q), points_.Row(hit.label - 1),
                                              width, renormalize);
        EXPECT_NEAR(sign * hit.score, cost, 1e-4 * (1 + std::fabs(cost)));
        hits += cost <= worst + 1e-6 * (1 + std::fabs(worst)) ? 1 : 0;
      }
      wanted += top;
      found.walked += stats.segments_walked > 0 ? 1 : 0;
      found.distances += stats.distances;
    }
    found.recall = static_cast<double>(hits) / static_cast<double>(wanted);
    return found;
  }

  size_t queries() const { return queries_.count(); }
  absl::Span<const float> query(size_t q) const { return queries_.Row(q); }

  // Labels, the nearest to a query first.
  std::vector<Label> Order(size_t query) const {
    std::vector<Label> labels(points_.count());
    std::iota(labels.begin(), labels.end(), Label{1});
    std::vector<double> scores;
    for (const Label label : labels) {
      scores.push_back(PlainScore(config_.metric, queries_.Row(query), points_.Row(label - 1),
                                  points_.dimensions, true));
    }
    std::sort(labels.begin(), labels.end(),
              [&](Label a, Label b) { return scores[a - 1] > scores[b - 1]; });
    return labels;
  }

 private:
  std::vector<Label> Matches(const SearchParams& params) const {
    const std::vector<Label> live = index_->LiveLabels();
    if (params.allowed == nullptr) return live;
    std::vector<Label> matches;
    // Numbers are labels here.
    std::copy_if(live.begin(), live.end(), std::back_inserter(matches), [&](Label label) {
      return params.allowed->Contains(static_cast<PointNumber>(label));
    });
    return matches;
  }

  TemporaryDirectory directory_;
  Matrix points_;
  Matrix queries_;
  IndexConfig config_;
  std::unique_ptr<VectorIndex> index_;
};

inline void ExpectRecall(const Recall& recall, const SearchParams& params, double floor,
                         const std::string& what) {
  const Found found = recall.Measure(params);
  EXPECT_GE(found.recall, floor) << what;
  std::printf("[ recall   ] %-40s %.4f, graph in %zu queries\n", what.c_str(), found.recall,
              found.walked);
}

inline IndexConfig Config(Metric metric, size_t seal_threshold) {
  IndexConfig config;
  config.metric = metric;
  config.seal_threshold = seal_threshold;
  return config;
}

}  // namespace vecnest::index::testing

#endif  // VECNEST_TESTS_INDEX_RECALL_H_
