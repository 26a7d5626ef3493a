// Recall@10 of default searches against plain loops in double, after everything that happens to an
// index in its life.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/vector_index.h"
#include "tests/index/recall.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

using testing::Config;
using testing::ExpectRecall;
using testing::Found;
using testing::Recall;

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
