#include "index/vector_index.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/index/test_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

using testing::AddRows;
using testing::Config;
using ::testing::HasSubstr;
using testing::MustOpen;

TEST(VectorIndexTest, InputIsChecked) {
  const TemporaryDirectory directory;
  EXPECT_FALSE(VectorIndex::Open(directory.path(), Config(0, 10), {}).ok());
  IndexConfig config = Config(4, 10);
  config.m = 1;
  EXPECT_FALSE(VectorIndex::Open(directory.path(), config, {}).ok());
  const auto index = MustOpen(directory.path(), Config(3, 10));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(index->Add(1, {}, 1, {1, 2}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(index->Add(0, {}, 0, {1, 2, 3}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(index->Add(1, {}, 1, {1, 2, nan}).message()), HasSubstr("component 2"));
  EXPECT_THAT(std::string(index->Search({1, -infinity, 0}, {}, nullptr).status().message()),
              HasSubstr("component 1"));
  EXPECT_FALSE(index->Search({1, 2}, {}, nullptr).ok());
  EXPECT_FALSE(index->Search({1, 2, 3}, {.dimensions = 4}, nullptr).ok());
  EXPECT_FALSE(index->Search({1, 2, 3}, {.dimensions = -1}, nullptr).ok());
  EXPECT_EQ(index->Stats().live, 0U);
  EXPECT_TRUE(index->Search({1, 2, 3}, {}, nullptr)->empty());
}

TEST(VectorIndexTest, CodesHaveBitsOfAKind) {
  TemporaryDirectory directory;
  IndexConfig config;
  config.dimensions = 4;
  config.code_bits = 2;
  EXPECT_EQ(VectorIndex::Open(directory.path(), config, {}).status().message(),
            "code_bits is 2, must be 0, 1, 4 or 8");
}

TEST(VectorIndexTest, ManifestSaysHowFarItReaches) {
  const TemporaryDirectory directory;
  const auto index = MustOpen(directory.path(), Config(2, 1000));
  for (Label label = 10; label <= 14; ++label) {
    ASSERT_TRUE(
        index->Add(label, testing::KeyOf(label), static_cast<PointNumber>(label), {1, 0}).ok());
  }
  EXPECT_EQ(index->TakeManifest().persisted_through, 9U);
  EXPECT_TRUE(index->Delete(10));
  EXPECT_EQ(index->TakeManifest().persisted_through, 10U);
  ASSERT_TRUE(index->SealAll().ok());
  const Manifest manifest = index->TakeManifest();
  EXPECT_EQ(manifest.persisted_through, 14U);
  ASSERT_EQ(manifest.segments.size(), 1U);
  EXPECT_EQ(manifest.segments[0].min_label, 11U);
  EXPECT_EQ(manifest.segments[0].max_label, 14U);
  const auto reopened = MustOpen(directory.path(), Config(2, 1000), manifest);
  EXPECT_EQ(reopened->TakeManifest().persisted_through, 14U);
  ASSERT_TRUE(reopened->Add(14, testing::KeyOf(99), 14, {0, 1}).ok());
  EXPECT_EQ(reopened->Stats().live, 4U);
}

TEST(VectorIndexTest, WhatGrowsBesideAGraphIsScannedByCodes) {
  const TemporaryDirectory directory;
  constexpr size_t kRows = 3600;
  const testing::Matrix points = testing::Clustered(kRows, 96, 1);
  const testing::Matrix queries = testing::Clustered(50, 96, 2);
  const auto index = MustOpen(directory.path(), Config(96, 2000));
  AddRows(*index, points, 0, 2000);
  SearchStats stats;
  ASSERT_TRUE(index->Search(queries.Row(0), {}, &stats).ok());
  EXPECT_EQ(stats.strategy, "exact scan");
  ASSERT_TRUE(*index->SealFull());
  AddRows(*index, points, 2000, kRows);
  size_t hits = 0;
  for (size_t q = 0; q < queries.count(); ++q) {
    const auto found = index->Search(queries.Row(q), {}, &stats);
    const auto exact = index->Search(queries.Row(q), {.exact = true}, nullptr);
    ASSERT_TRUE(found.ok() && exact.ok());
    EXPECT_EQ(stats.strategy, "graph and scan of codes");
    std::set<Label> truth;
    for (const ScoredLabel& hit : *exact) truth.insert(hit.label);
    for (const ScoredLabel& hit : *found) hits += truth.count(hit.label);
  }
  EXPECT_GE(hits, 0.97 * 10 * static_cast<double>(queries.count()));
}

// Random operations beside a map that does the same; the index is thrown away at random and
// opened again from its last committed manifest, with the operations after it replayed.
class Model {
 public:
  explicit Model(uint32_t seed) : generator_(seed), index_(MustOpen(directory_.path(), config_)) {}

  void Run(int steps) {
    for (int step = 0; step < steps; ++step) {
      const auto action = generator_() % 100;
      if (action < 55) {
        Upsert(generator_() % 300);
      } else if (action < 75) {
        Remove(generator_() % 300);
      } else if (action < 80) {
        ASSERT_TRUE(testing::Maintain(*index_).ok());
      } else if (action < 82) {
        Commit();
      } else if (action < 83) {
        ASSERT_TRUE(index_->SealAll().ok());
      } else if (action < 85) {
        Reopen();
      } else {
        Compare();
      }
    }
  }

 private:
  struct Operation {
    bool add = false;
    Label label = 0;
    uint64_t key = 0;
    std::vector<float> vector;
  };
  struct Version {
    Label label = 0;
    std::vector<float> vector;
  };

  void Apply(const Operation& operation) {
    if (operation.add) {
      ASSERT_TRUE(index_
                      ->Add(operation.label, testing::KeyOf(operation.key),
                            static_cast<PointNumber>(operation.label), operation.vector)
                      .ok());
    } else {
      index_->Delete(operation.label);
    }
  }

  void Log(Operation operation) {
    Apply(operation);
    log_.push_back(std::move(operation));
  }

  std::vector<float> RandomVector() {
    std::normal_distribution<float> normal;
    std::vector<float> vector(6);
    for (float& value : vector) value = normal(generator_);
    return vector;
  }

  void Upsert(uint64_t key) {
    const std::vector<float> vector = RandomVector();
    const Label label = ++last_label_;
    Log({true, label, key, vector});
    if (const auto old = live_.find(key); old != live_.end())
      Log({false, old->second.label, 0, {}});
    live_[key] = {label, vector};
  }

  void Remove(uint64_t key) {
    const auto found = live_.find(key);
    if (found == live_.end()) return;
    EXPECT_TRUE(index_->Contains(found->second.label));
    Log({false, found->second.label, 0, {}});
    live_.erase(found);
  }

  void Commit() {
    committed_ = index_->TakeManifest();
    index_->RemoveObsoleteFiles(committed_);
  }

  // The whole log is replayed: what the manifest contains is ignored.
  void Reopen() {
    index_.reset();
    index_ = MustOpen(directory_.path(), config_, committed_);
    for (const Operation& operation : log_) Apply(operation);
  }

  void Compare() {
    EXPECT_EQ(index_->Stats().live, live_.size());
    const std::vector<float> query = RandomVector();
    const Metric metric = static_cast<Metric>(generator_() % 4);
    const int width = 1 + static_cast<int>(generator_() % 6);
    std::vector<std::pair<double, uint64_t>> expected;
    for (const auto& [key, version] : live_) {
      const double score =
          testing::PlainScore(metric, query, version.vector, static_cast<size_t>(width), false);
      expected.emplace_back(LargerIsNearer(metric) ? -score : score, key);
    }
    std::sort(expected.begin(), expected.end());
    SearchParams params;
    params.k = 20;
    params.metric = metric;
    params.dimensions = width;
    params.exact = generator_() % 2 == 0;
    const auto answer = index_->Search(query, params, nullptr);
    ASSERT_EQ(answer->size(), std::min<size_t>(20, live_.size()));
    for (size_t i = 0; i < answer->size(); ++i) {
      const ScoredLabel& found = (*answer)[i];
      const auto& version = live_.at(found.key.low);
      EXPECT_EQ(version.label, found.label);
      EXPECT_EQ(index_->Get(found.label)->vector, version.vector);
      EXPECT_NEAR(found.score, LargerIsNearer(metric) ? -expected[i].first : expected[i].first,
                  1e-4);
    }
  }

  std::mt19937 generator_;
  const TemporaryDirectory directory_;
  const IndexConfig config_ = Config(6, 64);
  std::unique_ptr<VectorIndex> index_;
  std::map<uint64_t, Version> live_;
  std::vector<Operation> log_;
  Manifest committed_;
  Label last_label_ = 0;
};

TEST(VectorIndexModelTest, RandomOperationsMatchAMap) {
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Model(seed).Run(1500);
  }
}

// Every key exists at all times, in versions of random vectors; readers must find each once.
TEST(VectorIndexConcurrencyTest, UpdatesAreAtomicForReaders) {
  constexpr uint64_t kKeys = 150;
  const TemporaryDirectory directory;
  const auto index = MustOpen(directory.path(), Config(8, 128));
  const testing::Matrix points = testing::Clustered(1000, 8, 1);
  std::vector<Label> label_of(kKeys);
  Label next = 0;
  for (uint64_t key = 0; key < kKeys; ++key) {
    label_of[key] = ++next;
    ASSERT_TRUE(
        index->Add(next, testing::KeyOf(key), static_cast<PointNumber>(next), points.Row(key))
            .ok());
  }
  std::atomic<bool> done = false;
  std::atomic<size_t> searches = 0;
  const auto read = [&](uint32_t seed) {
    std::mt19937 generator(seed);
    while (!done) {
      SearchParams params;
      params.exact = generator() % 4 != 0;
      params.k = params.exact ? kKeys : 20;
      const auto answer = index->Search(points.Row(generator() % 1000), params, nullptr);
      std::set<PointKey> keys;
      for (const ScoredLabel& found : *answer) keys.insert(found.key);
      ASSERT_EQ(keys.size(), answer->size());
      ASSERT_EQ(keys.size(), params.k);
      ++searches;
    }
  };
  std::vector<std::thread> threads;
  threads.emplace_back(read, 1);
  threads.emplace_back(read, 2);
  threads.emplace_back([&] {
    while (!done) {
      ASSERT_TRUE(testing::Maintain(*index).ok());
      index->RemoveObsoleteFiles(index->TakeManifest());
      (void)index->Stats();
    }
  });
  std::mt19937 generator(3);
  for (int i = 0; i < 5000 || (searches < 200 && i < 200000); ++i) {
    const uint64_t key = generator() % kKeys;
    ++next;
    ASSERT_TRUE(index
                    ->Add(next, testing::KeyOf(key), static_cast<PointNumber>(next),
                          points.Row(generator() % 1000))
                    .ok());
    ASSERT_TRUE(index->Delete(label_of[key]));
    label_of[key] = next;
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(index->Stats().live, kKeys);
}

}  // namespace
}  // namespace vecnest::index
