// Recall@10 of default searches against plain loops in double, after everything that happens to an
// index in its life.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/vector_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kTop = 10;

struct Found {
  double recall = 0;
  size_t walked = 0;  // queries in which a graph took part
  size_t distances = 0;
};

class Recall {
 public:
  Recall(testing::Matrix points, testing::Matrix queries, const IndexConfig& config)
      : points_(std::move(points)), queries_(std::move(queries)), config_(config) {
    config_.dimensions = static_cast<int>(points_.dimensions);
    index_ = std::move(VectorIndex::Open(directory_.path(), config_, {})->index);
  }

  VectorIndex& index() { return *index_; }
  const testing::Matrix& points() const { return points_; }

  void AddAll() {
    for (size_t row = 0; row < points_.count(); ++row) {
      ASSERT_TRUE(index_
                      ->Add(row + 1, testing::KeyOf(row + 1), static_cast<PointNumber>(row + 1),
                            points_.Row(row))
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
        costs.push_back(sign * testing::PlainScore(metric, queries_.Row(q), points_.Row(label - 1),
                                                   width, renormalize));
      }
      const size_t top = std::min(kTop, costs.size());
      std::nth_element(costs.begin(), costs.begin() + static_cast<ptrdiff_t>(top) - 1, costs.end());
      const double worst = costs[top - 1];
      SearchStats stats;
      const auto answer = index_->Search(queries_.Row(q), params, &stats);
      EXPECT_EQ(answer->size(), top);
      for (const ScoredLabel& hit : *answer) {
        const double cost =
            sign * testing::PlainScore(metric, queries_.Row(q), points_.Row(hit.label - 1), width,
                                       renormalize);
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
      scores.push_back(testing::PlainScore(config_.metric, queries_.Row(query),
                                           points_.Row(label - 1), points_.dimensions, true));
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
  testing::Matrix points_;
  testing::Matrix queries_;
  IndexConfig config_;
  std::unique_ptr<VectorIndex> index_;
};

void ExpectRecall(const Recall& recall, const SearchParams& params, double floor,
                  const std::string& what) {
  const Found found = recall.Measure(params);
  EXPECT_GE(found.recall, floor) << what;
  std::printf("[ recall   ] %-40s %.4f, graph in %zu queries\n", what.c_str(), found.recall,
              found.walked);
}

void ExpectRecallUnderFilters(const Recall& recall, double floor) {
  for (const double percent : {0.1, 1.0, 5.0, 20.0, 50.0, 90.0}) {
    PointSet allowed(recall.points().count() + 1);
    for (Label label = 1; label <= recall.points().count(); ++label) {
      // Spread evenly, but not in step with anything else.
      if (static_cast<double>(label * 2654435761U % 100000) < percent * 1000) {
        allowed.Add(static_cast<PointNumber>(label));
      }
    }
    SearchParams params;
    params.allowed = &allowed;
    ExpectRecall(recall, params, floor, "filter keeping " + std::to_string(percent) + " %");
  }
}

// A filter that keeps what lies away from the query: the walk starts among rows it may not return.
void ExpectRecallOfOneTopic(const Recall& recall, double floor) {
  PointSet allowed(recall.points().count() + 1);
  for (Label label = 1; label <= recall.points().count(); ++label) {
    if (recall.points().Row(label - 1)[0] > 0) allowed.Add(static_cast<PointNumber>(label));
  }
  SearchParams params;
  params.allowed = &allowed;
  ExpectRecall(recall, params, floor, "filter by a half-space");
}

IndexConfig Config(Metric metric, size_t seal_threshold) {
  IndexConfig config;
  config.metric = metric;
  config.seal_threshold = seal_threshold;
  return config;
}

TEST(RecallTest, ClusteredVectorsThroughLife) {
  Recall recall(testing::Clustered(16000, 96, 1), testing::Clustered(50, 96, 2),
                Config(Metric::kCosine, 8000));
  recall.AddAll();
  ExpectRecall(recall, {}, 0.97, "after adding");
  ExpectRecallUnderFilters(recall, 0.97);
  ExpectRecallOfOneTopic(recall, 0.97);
  for (const int width : {24, 32, 64}) {
    ExpectRecall(recall, {.dimensions = width}, 0.95, "width " + std::to_string(width));
  }
  for (const Metric metric : {Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    for (const int width : {48, 96}) {
      ExpectRecall(recall, {.metric = metric, .dimensions = width}, 0.97,
                   "metric " + std::to_string(static_cast<int>(metric)) + " at width " +
                       std::to_string(width));
    }
  }
  for (Label label = 1; label <= 16000; label += 5) ASSERT_TRUE(recall.index().Delete(label));
  ExpectRecall(recall, {}, 0.97, "after deleting a fifth");
  ExpectRecallUnderFilters(recall, 0.97);
  for (Label label = 2; label <= 16000; label += 5) ASSERT_TRUE(recall.index().Delete(label));
  recall.Maintain();
  EXPECT_EQ(recall.index().Stats().deleted, 0U);
  ExpectRecall(recall, {}, 0.97, "after rewriting");
  recall.Reopen();
  ExpectRecall(recall, {}, 0.97, "after reopening");
  ExpectRecallUnderFilters(recall, 0.97);
}

// Every vector is replaced by another one, in storms, while segments are sealed, merged and
// rewritten.
TEST(RecallTest, ReplacingEverythingKeepsWhatAFreshIndexHas) {
  constexpr Label kCount = 12000;
  constexpr Label kStorm = 1500;
  const testing::Matrix queries = testing::Clustered(100, 96, 2);
  Recall churned(testing::Clustered(2 * kCount, 96, 1), queries, Config(Metric::kCosine, 4000));
  testing::Matrix second{
      96, {churned.points().values.begin() + kCount * 96, churned.points().values.end()}};
  Recall fresh(std::move(second), queries, Config(Metric::kCosine, 4000));
  fresh.AddAll();
  VectorIndex& index = churned.index();
  const auto add = [&](Label label, Label number) {
    ASSERT_TRUE(index
                    .Add(label, testing::KeyOf(number), static_cast<PointNumber>(number),
                         churned.points().Row(label - 1))
                    .ok());
  };
  for (Label label = 1; label <= kCount; ++label) add(label, label);
  churned.Maintain();
  // Not in the order in which they came: holes open everywhere.
  std::vector<Label> order(kCount);
  std::iota(order.begin(), order.end(), Label{1});
  std::shuffle(order.begin(), order.end(), std::mt19937(3));
  for (Label done = 0; done < kCount; ++done) {
    add(kCount + 1 + done, order[done]);
    ASSERT_TRUE(index.Delete(order[done]));
    if (done % kStorm == kStorm - 1) churned.Maintain();
  }
  churned.Maintain();

  const double expected = fresh.Measure({}).recall;
  ExpectRecall(churned, {}, expected - 0.005, "everything replaced");
  for (Label label = kCount + 1; label <= 2 * kCount; ++label) {
    const auto found = index.Search(churned.points().Row(label - 1), {.k = 1}, nullptr);
    ASSERT_TRUE(found.ok() && found->size() == 1);
    EXPECT_EQ(found->front().label, label) << "can't be reached";
  }
  const IndexStats after = index.Stats();
  EXPECT_EQ(after.live, kCount);
  EXPECT_LE(after.deleted, kCount / 4);
  EXPECT_LE(after.memory_bytes + after.mapped_bytes,
            1.4 * (fresh.index().Stats().memory_bytes + fresh.index().Stats().mapped_bytes));
}

// Filters that leave out what surrounds the query, each made for one query.
TEST(RecallTest, FiltersAwayFromTheQuery) {
  for (const size_t dimensions : {96, 384}) {
    Recall recall(testing::Clustered(12000, dimensions, 1), testing::Clustered(20, dimensions, 2),
                  Config(Metric::kCosine, 12000));
    recall.AddAll();
    for (const double percent : {5.0, 10.0, 30.0, 60.0, 90.0, 99.0, 99.8}) {
      Found all;
      for (size_t q = 0; q < recall.queries(); ++q) {
        const std::vector<Label> order = recall.Order(q);
        const auto left_out = static_cast<size_t>(12000 * (1 - percent / 100));
        PointSet allowed(12001);
        for (size_t i = left_out; i < order.size(); ++i) {
          allowed.Add(static_cast<PointNumber>(order[i]));
        }
        all.recall += recall.MeasureSome({.allowed = &allowed}, q, q + 1).recall / 20;
      }
      std::printf("[ recall   ] farthest %.1f %% at width %zu %12.4f\n", percent, dimensions,
                  all.recall);
      EXPECT_GE(all.recall, 0.95) << percent << " " << dimensions;
    }
  }
}

// The same but for a few near the query: where the walk gets to, but no way to the others.
TEST(RecallTest, FiltersAwayFromTheQueryButForAFew) {
  for (const size_t dimensions : {96, 384}) {
    Recall recall(testing::Clustered(12000, dimensions, 1), testing::Clustered(20, dimensions, 2),
                  Config(Metric::kCosine, 12000));
    recall.AddAll();
    for (const size_t near : {1, 3, 6}) {
      for (const double percent : {20.0, 50.0, 80.0}) {
        double sum = 0;
        for (size_t q = 0; q < recall.queries(); ++q) {
          const std::vector<Label> order = recall.Order(q);
          const auto left_out = static_cast<size_t>(12000 * (1 - percent / 100));
          PointSet allowed(12001);
          for (size_t i = 0; i < order.size(); ++i) {
            if (i < near || i >= left_out) allowed.Add(static_cast<PointNumber>(order[i]));
          }
          sum += recall.MeasureSome({.allowed = &allowed}, q, q + 1).recall;
        }
        EXPECT_GE(sum / 20, 0.95) << near << " " << percent << " " << dimensions;
      }
    }
  }
}

// Of what surrounds the query a sixth matches: too few to step on, and enough for a longer list.
TEST(RecallTest, AFewMatchesAroundTheQueryAreWalkedTo) {
  Recall recall(testing::Clustered(12000, 96, 1), testing::Clustered(20, 96, 2),
                Config(Metric::kCosine, 12000));
  recall.AddAll();
  Found all;
  for (size_t q = 0; q < recall.queries(); ++q) {
    const std::vector<Label> order = recall.Order(q);
    PointSet allowed(12001);
    for (size_t i = 0; i < order.size(); ++i) {
      if (i >= 3000 || i % 6 == 5) allowed.Add(static_cast<PointNumber>(order[i]));
    }
    const Found found = recall.MeasureSome({.allowed = &allowed}, q, q + 1);
    all.recall += found.recall / static_cast<double>(recall.queries());
    all.walked += found.walked;
    all.distances += found.distances;
  }
  EXPECT_GE(all.recall, 0.95);
  EXPECT_GE(all.walked, recall.queries() / 2);
  EXPECT_LT(all.distances, recall.queries() * 9000 / 2);
}

// A query of which everything near was deleted, while the holes are too few to be rewritten.
TEST(RecallTest, DeletingWhatSurroundsTheQuery) {
  for (const size_t dimensions : {96, 384}) {
    Recall recall(testing::Clustered(12000, dimensions, 1), testing::Clustered(12, dimensions, 2),
                  Config(Metric::kCosine, 12000));
    recall.AddAll();
    double sum = 0;
    for (size_t q = 0; q < recall.queries(); ++q) {
      const std::vector<Label> order = recall.Order(q);
      for (size_t i = 0; i < 12000 / 100; ++i) recall.index().Delete(order[i]);
      sum += recall.MeasureSome({}, q, q + 1).recall;
    }
    std::printf("[ recall   ] nearest 1 %% deleted at width %zu %.4f\n", dimensions, sum / 12);
    EXPECT_GE(sum / 12, 0.95) << dimensions;
  }
}

// The same but for a few.
TEST(RecallTest, DeletingWhatSurroundsTheQueryButForAFew) {
  for (const size_t left : {1, 3}) {
    Recall recall(testing::Clustered(12000, 96, 1), testing::Clustered(4, 96, 2),
                  Config(Metric::kCosine, 12000));
    recall.AddAll();
    for (size_t q = 0; q < recall.queries(); ++q) {
      const std::vector<Label> order = recall.Order(q);
      for (size_t i = left; i < 12000 / 20; ++i) recall.index().Delete(order[i]);
      EXPECT_FALSE(recall.index().NeedsMaintenance());
      EXPECT_GE(recall.MeasureSome({}, q, q + 1).recall, 0.9) << left << " " << q;
    }
  }
}

// Equal vectors of which most are deleted, or left out by a filter: a list of the nearest may hold
// none but those.
TEST(RecallTest, WhatIsLeftOfEqualVectorsIsFound) {
  constexpr size_t kCount = 8000;
  constexpr size_t kEqual = 300;
  testing::Matrix points = testing::Clustered(kCount, 96, 1);
  const testing::Matrix queries = testing::Clustered(3, 96, 2);
  const absl::Span<const float> query = queries.Row(0);
  for (size_t row = 0; row < kEqual; ++row) {
    std::copy(query.begin(), query.end(), &points.values[row * 26 * 96]);
  }
  Recall recall(std::move(points), queries, Config(Metric::kCosine, kCount));
  recall.AddAll();
  PointSet allowed(kCount + 1);
  for (Label label = 1; label <= kCount; ++label) {
    const bool equal = label % 26 == 1 && label <= kEqual * 26;
    if (!equal || label % 5 == 0) allowed.Add(static_cast<PointNumber>(label));
  }
  EXPECT_EQ(recall.MeasureSome({.allowed = &allowed}, 0, 1).recall, 1);
  for (Label label = 1; label <= kEqual * 26; label += 26) {
    if (label % 5 != 0) recall.index().Delete(label);
  }
  for (const size_t ef : {0, 20, 64}) {
    EXPECT_EQ(recall.MeasureSome({.ef = ef}, 0, 1).recall, 1) << ef;
  }
}

// However many are looked for, and however many of what a walk would keep for them are deleted.
TEST(RecallTest, AsManyAreFoundAsAreWantedWhateverIsDeleted) {
  constexpr Label kCount = 12000;
  Recall recall(testing::Clustered(kCount, 96, 1), testing::Clustered(20, 96, 2),
                Config(Metric::kCosine, kCount));
  recall.AddAll();
  std::mt19937 random(4);
  for (Label label = 1; label <= kCount; ++label) {
    if (random() % 5 == 0) recall.index().Delete(label);
  }
  for (const size_t k : {1, 10, 50, 100, 150}) {
    for (size_t q = 0; q < recall.queries(); ++q) {
      for (const size_t ef : {size_t{0}, k}) {
        const auto found = recall.index().Search(recall.query(q), {.k = k, .ef = ef}, nullptr);
        EXPECT_EQ(found->size(), k) << q << " " << ef;
      }
    }
  }
}

// A few dimensions that are much larger than the others leave little of these in the codes.
TEST(RecallTest, OutlierDimensions) {
  for (const float factor : {10.0F, 40.0F}) {
    const auto stretched = [factor](size_t count, uint32_t seed) {
      testing::Matrix points = testing::Clustered(count, 384, seed);
      for (size_t row = 0; row < count; ++row) {
        for (const size_t i : {7, 100, 301}) points.values[row * 384 + i] *= factor;
        testing::Normalize(&points.values[row * 384], 384);
      }
      return points;
    };
    Recall recall(stretched(12000, 1), stretched(50, 2), Config(Metric::kCosine, 12000));
    recall.AddAll();
    const std::string what = "outliers x " + std::to_string(factor);
    ExpectRecall(recall, {}, 0.94, what);
    ExpectRecall(recall, {.recall = 0.9F}, 0.87, what + ", recall 0.9");
    ExpectRecall(recall, {.ef = 256}, 0.98, what + ", ef 256");
  }
}

TEST(RecallTest, PrefixesDoNotGetWorseByBeingAskedForMore) {
  Recall recall(testing::Clustered(16000, 384, 1), testing::Clustered(50, 384, 2),
                Config(Metric::kCosine, 16000));
  recall.AddAll();
  for (const int dimensions : {8, 16, 64}) {
    const double by_default = recall.Measure({.dimensions = dimensions}).recall;
    for (const float wanted : {0.5F, 0.95F, 0.99F}) {
      EXPECT_GE(recall.Measure({.dimensions = dimensions, .recall = wanted}).recall, by_default);
    }
  }
}

// Deleting has a price where much is deleted, not from the first one on.
TEST(RecallTest, FewDeletionsMakeWalksHardlyLonger) {
  Recall recall(testing::Clustered(16000, 96, 1), testing::Clustered(50, 96, 2),
                Config(Metric::kCosine, 16000));
  recall.AddAll();
  const Found before = recall.Measure({});
  for (Label label = 1; label <= 16000; label += 500) recall.index().Delete(label);
  const Found after = recall.Measure({});
  EXPECT_GE(after.recall, before.recall - 0.005);
  EXPECT_LT(after.distances, before.distances + before.distances / 20);
}

// Every choice of codes, changed while the index lives: segments are rebuilt one by one, and each
// answer is ranked by true scores.
TEST(RecallTest, EveryChoiceOfCodes) {
  Recall recall(testing::Clustered(16000, 256, 1), testing::Clustered(50, 256, 2),
                Config(Metric::kCosine, 8000));
  recall.AddAll();
  size_t before = 0;
  for (const auto& [bits, floor] :
       std::vector<std::pair<int, double>>{{8, 0.97}, {4, 0.97}, {1, 0.93}}) {
    recall.index().SetCodeBits(bits);
    EXPECT_TRUE(recall.index().NeedsMaintenance()) << bits;
    recall.Maintain();
    const size_t walked = recall.index().Stats().walked_bytes;
    if (before > 0) {
      EXPECT_LT(walked, before) << bits;
    }
    before = walked;
    const std::string what = std::to_string(bits) + " bits";
    ExpectRecall(recall, {}, floor, what);
    ExpectRecall(recall, {.recall = 0.95F}, 0.92, what + ", recall 0.95");
    ExpectRecall(recall, {.metric = Metric::kEuclid}, floor, what + " by distance");
    ExpectRecall(recall, {.dimensions = 128}, floor - 0.05, what + " at half the width");
    ExpectRecallUnderFilters(recall, floor);
    ExpectRecall(recall, {.ef = 256}, 0.985, what + ", ef 256");
    ExpectRecall(recall, {.rescored = 64}, floor, what + ", 64 ranked");
    ExpectRecall(recall, {.rescored = SearchParams::kAllFound}, 0.97, what + ", by vectors");
    EXPECT_FALSE(recall.index().NeedsMaintenance());
    EXPECT_FALSE(*testing::Maintain(recall.index())) << "rebuilt again";
  }
}

TEST(RecallTest, EveryMetricHasItsOwnGraph) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    Recall recall(testing::Clustered(8000, 64, 1, false), testing::Clustered(50, 64, 2, false),
                  Config(metric, 8000));
    recall.AddAll();
    for (const int width : {32, 64}) {
      ExpectRecall(recall, {.dimensions = width}, 0.95,
                   "own graph of metric " + std::to_string(static_cast<int>(metric)) +
                       " at width " + std::to_string(width));
    }
  }
}

TEST(RecallTest, Duplicates) {
  // Each vector 25 times, and one of them 2,000 times more: more than a row has links.
  testing::Matrix points = testing::Clustered(320, 64, 1);
  const std::vector<float> distinct = points.values;
  for (int copy = 1; copy < 25; ++copy) {
    points.values.insert(points.values.end(), distinct.begin(), distinct.end());
  }
  for (int copy = 0; copy < 2000; ++copy) {
    points.values.insert(points.values.end(), distinct.begin(), distinct.begin() + 64);
  }
  Recall recall(points, testing::Clustered(50, 64, 2), Config(Metric::kCosine, 8000));
  recall.AddAll();
  ExpectRecall(recall, {}, 0.97, "duplicates");
}

// Raw little-endian f32, 384 wide, made by the embedder from real sentences. The last 200 are the
// queries.
TEST(RecallTest, SentenceEmbeddings) {
  const char* file = std::getenv("VECNEST_RECALL_VECTORS");
  if (file == nullptr) GTEST_SKIP() << "VECNEST_RECALL_VECTORS names no file of f32 x 384";
  const std::string bytes = testing::ReadBytes(file);
  testing::Matrix points{384, std::vector<float>(bytes.size() / sizeof(float))};
  std::memcpy(points.values.data(), bytes.data(), points.values.size() * sizeof(float));
  ASSERT_GT(points.count(), 400U);
  testing::Matrix queries{384, {points.values.end() - 200 * 384, points.values.end()}};
  points.values.resize(points.values.size() - 200 * 384);
  Recall recall(points, queries, Config(Metric::kCosine, 8192));
  recall.AddAll();
  for (const int width : {384, 128, 96, 64}) {
    for (const Metric metric :
         {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
      ExpectRecall(recall, {.metric = metric, .dimensions = width}, 0.95,
                   "metric " + std::to_string(static_cast<int>(metric)) + " at width " +
                       std::to_string(width));
    }
  }
  ExpectRecallUnderFilters(recall, 0.95);
}

}  // namespace
}  // namespace vecnest::index
