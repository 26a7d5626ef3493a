// Recall@10 where a filter or deletions leave out some of what is near the query.
#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/vector_index.h"
#include "tests/index/recall.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

using testing::Config;
using testing::Found;
using testing::Recall;

// Filters that leave out what surrounds the query, each made for one query.
TEST(FilteredRecallTest, FiltersAwayFromTheQuery) {
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
TEST(FilteredRecallTest, FiltersAwayFromTheQueryButForAFew) {
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
TEST(FilteredRecallTest, AFewMatchesAroundTheQueryAreWalkedTo) {
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
TEST(FilteredRecallTest, DeletingWhatSurroundsTheQuery) {
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
TEST(FilteredRecallTest, DeletingWhatSurroundsTheQueryButForAFew) {
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
TEST(FilteredRecallTest, WhatIsLeftOfEqualVectorsIsFound) {
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
TEST(FilteredRecallTest, AsManyAreFoundAsAreWantedWhateverIsDeleted) {
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

// Deleting has a price where much is deleted, not from the first one on.
TEST(FilteredRecallTest, FewDeletionsMakeWalksHardlyLonger) {
  Recall recall(testing::Clustered(16000, 96, 1), testing::Clustered(50, 96, 2),
                Config(Metric::kCosine, 16000));
  recall.AddAll();
  const Found before = recall.Measure({});
  for (Label label = 1; label <= 16000; label += 500) recall.index().Delete(label);
  const Found after = recall.Measure({});
  EXPECT_GE(after.recall, before.recall - 0.005);
  EXPECT_LT(after.distances, before.distances + before.distances / 20);
}

}  // namespace
}  // namespace vecnest::index
