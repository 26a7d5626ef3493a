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
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<VectorIndex> MustOpen(const std::string& directory, const IndexConfig& config,
                                      const Manifest& manifest = {}) {
  auto opened = VectorIndex::Open(directory, config, manifest);
  EXPECT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged.empty());
  return std::move(opened->index);
}

IndexConfig Config(int dimensions, size_t seal_threshold) {
  IndexConfig config;
  config.dimensions = dimensions;
  config.seal_threshold = seal_threshold;
  config.m = 8;
  config.ef_construct = 60;
  return config;
}

void AddRows(VectorIndex& index, const testing::Matrix& points, size_t first, size_t end) {
  for (size_t row = first; row < end; ++row) {
    ASSERT_TRUE(index
                    .Add(row + 1, testing::KeyOf(row + 1), static_cast<PointNumber>(row + 1),
                         points.Row(row))
                    .ok());
  }
}

std::set<std::string> Files(const std::string& directory) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    files.insert(entry.path().filename().string());
  }
  return files;
}

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

TEST(VectorIndexTest, AtRestOneGraphHoldsAll) {
  const TemporaryDirectory directory;
  constexpr size_t kRows = 5000;
  const testing::Matrix points = testing::Clustered(kRows, 8, 1);
  const auto index = MustOpen(directory.path(), Config(8, 2000));
  AddRows(*index, points, 0, 1500);
  // Scanned, all of it.
  EXPECT_FALSE(*index->SealAtRest());
  AddRows(*index, points, 1500, 2000);
  ASSERT_TRUE(*index->SealFull());
  AddRows(*index, points, 2000, 3000);
  EXPECT_FALSE(*index->SealAtRest());
  EXPECT_EQ(index->Stats().growing, 1000U);
  AddRows(*index, points, 3000, 3030);
  EXPECT_TRUE(*index->SealAtRest());
  EXPECT_EQ(index->Stats().growing, 0U);
  AddRows(*index, points, 3030, kRows);
  ASSERT_TRUE(index->Delete(7));
  EXPECT_TRUE(*index->SealAtRest());
  ASSERT_EQ(index->Stats().sealed_segments, 3U);
  EXPECT_FALSE(*index->MergeSome());

  std::atomic<bool> stop = true;
  EXPECT_TRUE(absl::IsCancelled(index->MergeAtRest(&stop).status()));
  EXPECT_EQ(index->Stats().sealed_segments, 3U);
  stop = false;
  EXPECT_TRUE(*index->MergeAtRest(&stop));
  EXPECT_EQ(index->Stats().sealed_segments, 1U);
  EXPECT_EQ(index->Stats().live, kRows - 1);
  EXPECT_EQ(index->Stats().deleted, 0U);
  EXPECT_FALSE(*index->MergeAtRest());
  for (size_t row = 0; row < kRows; row += 97) {
    const auto found = index->Search(points.Row(row), {.k = 1}, nullptr);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ((*found)[0].label, row + 1);
  }
}

// One thread adds, deletes and seals without end while another one merges; a third takes manifests
// and removes files, as their owner does after each piece of work.
TEST(VectorIndexConcurrencyTest, MergingGoesOnBesideSealing) {
  const TemporaryDirectory directory;
  constexpr size_t kThreshold = 50;
  constexpr size_t kRounds = 100;
  const testing::Matrix points = testing::Clustered(kThreshold * kRounds, 8, 1);
  const auto index = MustOpen(directory.path(), Config(8, kThreshold));
  std::atomic<bool> done = false;
  std::atomic<size_t> merges = 0;
  std::thread merger([&] {
    while (!done) {
      const auto merged = index->MergeSome();
      ASSERT_TRUE(merged.ok()) << merged.status();
      merges += *merged ? 1 : 0;
    }
  });
  std::thread owner([&] {
    while (!done) index->RemoveObsoleteFiles(index->TakeManifest());
  });
  std::set<Label> live;
  for (size_t round = 0; round < kRounds; ++round) {
    AddRows(*index, points, round * kThreshold, (round + 1) * kThreshold);
    for (size_t row = round * kThreshold; row < (round + 1) * kThreshold; ++row)
      live.insert(row + 1);
    // One of every earlier round, in whatever segment it is by now.
    for (Label label = round % kThreshold + 1; label <= round * kThreshold;
         label += 3 * kThreshold) {
      if (live.erase(label) == 0) continue;
      ASSERT_TRUE(index->Delete(label));
    }
    EXPECT_TRUE(*index->SealFull());
    EXPECT_EQ(index->Stats().growing, 0U);
  }
  done = true;
  merger.join();
  owner.join();
  EXPECT_GT(merges, 0U);
  while (*index->MergeSome()) {
  }
  EXPECT_LE(index->Stats().sealed_segments, 12U);
  EXPECT_EQ(index->LiveLabels(), std::vector<Label>(live.begin(), live.end()));
  index->RemoveObsoleteFiles(index->TakeManifest());
  EXPECT_TRUE(index->VerifyFiles().ok());
  const auto reopened = MustOpen(directory.path(), Config(8, kThreshold), index->TakeManifest());
  EXPECT_EQ(reopened->LiveLabels(), std::vector<Label>(live.begin(), live.end()));
}

TEST(VectorIndexTest, FilesThatTheManifestDoesNotListAreRemoved) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/new/deeper";
  const testing::Matrix points = testing::Clustered(300, 8, 1);
  Manifest manifest;
  {
    const auto index = MustOpen(path, Config(8, 100));
    AddRows(*index, points, 0, 100);
    EXPECT_TRUE(*testing::Maintain(*index));
    manifest = index->TakeManifest();
    AddRows(*index, points, 100, 200);
    ASSERT_TRUE(index->SealAll().ok());
    EXPECT_EQ(Files(path).size(), 2U);
    index->RemoveObsoleteFiles(manifest);  // the second is not committed, but in use
    EXPECT_EQ(Files(path).size(), 2U);
  }
  testing::WriteBytes(path + "/segment-00000009.vns.tmp", "half");
  testing::WriteBytes(path + "/other", "not ours");
  const auto index = MustOpen(path, Config(8, 100), manifest);
  EXPECT_EQ(Files(path), (std::set<std::string>{manifest.segments[0].file, "other"}));
  EXPECT_EQ(index->Stats().live, 100U);
}

TEST(VectorIndexTest, MergedSegmentsLoseTheirFilesAfterTheCommit) {
  const TemporaryDirectory directory;
  const testing::Matrix points = testing::Clustered(500, 8, 1);
  const auto index = MustOpen(directory.path(), Config(8, 100));
  for (size_t first = 0; first < 500; first += 100) {
    AddRows(*index, points, first, first + 100);
    ASSERT_TRUE(index->SealAll().ok());
  }
  EXPECT_TRUE(*testing::Maintain(*index));
  EXPECT_FALSE(*testing::Maintain(*index));
  EXPECT_EQ(index->Stats().sealed_segments, 2U);
  EXPECT_EQ(Files(directory.path()).size(), 6U);
  const Manifest manifest = index->TakeManifest();
  index->RemoveObsoleteFiles(manifest);
  EXPECT_EQ(Files(directory.path()).size(), 2U);
  EXPECT_TRUE(index->VerifyFiles().ok());
  EXPECT_EQ(MustOpen(directory.path(), Config(8, 100), manifest)->LiveLabels().size(), 500U);
}

TEST(VectorIndexTest, AllDeletedLeavesNothing) {
  const TemporaryDirectory directory;
  const auto index = MustOpen(directory.path(), Config(8, 100));
  const testing::Matrix points = testing::Clustered(200, 8, 1);
  AddRows(*index, points, 0, 100);
  EXPECT_TRUE(*testing::Maintain(*index));
  AddRows(*index, points, 100, 200);
  for (Label label = 1; label <= 200; ++label) EXPECT_TRUE(index->Delete(label));
  while (*testing::Maintain(*index)) {
  }
  EXPECT_EQ(index->Stats().sealed_segments, 0U);
  EXPECT_EQ(index->TakeManifest().persisted_through, 200U);
  EXPECT_TRUE(index->TakeManifest().segments.empty());
}

class DamageTest : public ::testing::Test {
 protected:
  DamageTest() : points_(testing::Clustered(600, 8, 1)) {
    const auto index = MustOpen(directory_.path(), Config(8, 200));
    for (size_t first = 0; first < 600; first += 200) {
      AddRows(*index, points_, first, first + 200);
      EXPECT_TRUE(*testing::Maintain(*index));
    }
    EXPECT_TRUE(index->Delete(250));
    manifest_ = index->TakeManifest();
  }

  std::string PathOf(size_t segment) const {
    return directory_.path() + "/" + manifest_.segments[segment].file;
  }

  TemporaryDirectory directory_;
  testing::Matrix points_;
  Manifest manifest_;
};

TEST_F(DamageTest, DamagedSegmentsAreReportedAndRestored) {
  const std::string bytes = testing::ReadBytes(PathOf(1));
  for (const size_t position :
       {size_t{0}, size_t{100}, size_t{300}, bytes.size() / 2, bytes.size() - 1}) {
    std::string damaged = bytes;
    damaged[position] ^= 1;
    testing::WriteBytes(PathOf(1), damaged);
    auto opened = VectorIndex::Open(directory_.path(), Config(8, 200), manifest_);
    ASSERT_TRUE(opened.ok());
    ASSERT_EQ(opened->damaged.size(), 1U) << position;
    EXPECT_EQ(opened->damaged[0].first.file, manifest_.segments[1].file);
    EXPECT_EQ(opened->index->Stats().live, 400U);
    EXPECT_FALSE(opened->index->VerifyFiles().ok());
  }
  auto opened = VectorIndex::Open(directory_.path(), Config(8, 200), manifest_);
  VectorIndex& index = *opened->index;
  EXPECT_FALSE(*testing::Maintain(index));
  // Until it is restored, the manifest goes on naming it.
  EXPECT_EQ(index.TakeManifest().segments.size(), 3U);

  std::vector<Entry> entries;
  for (Label label = 201; label <= 400; ++label) {
    const absl::Span<const float> row = points_.Row(label - 1);
    if (label != 250) {
      entries.push_back({label,
                         testing::KeyOf(label),
                         static_cast<PointNumber>(label),
                         {row.begin(), row.end()}});
    }
  }
  const SegmentRecord record = opened->damaged[0].first;
  std::vector<Entry> unsorted = entries;
  std::swap(unsorted[0], unsorted[1]);
  EXPECT_EQ(index.RestoreSegment(record, unsorted).code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(index.RestoreSegment(record, entries).ok());
  EXPECT_EQ(index.RestoreSegment(record, entries).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(index.LiveLabels().size(), 599U);
  EXPECT_FALSE(index.Contains(250));
  EXPECT_EQ(index.Get(251)->vector, entries[49].vector);
  const Manifest restored = index.TakeManifest();
  index.RemoveObsoleteFiles(restored);
  EXPECT_EQ(Files(directory_.path()).count(record.file), 0U);
  EXPECT_EQ(MustOpen(directory_.path(), Config(8, 200), restored)->Stats().live, 599U);
}

TEST_F(DamageTest, MissingExchangedAndTruncatedFilesAreReported) {
  std::filesystem::remove(PathOf(0));
  testing::WriteBytes(PathOf(1), testing::ReadBytes(PathOf(2)));
  std::filesystem::resize_file(PathOf(2), 1000);
  auto opened = VectorIndex::Open(directory_.path(), Config(8, 200), manifest_);
  ASSERT_TRUE(opened.ok());
  ASSERT_EQ(opened->damaged.size(), 3U);
  EXPECT_EQ(opened->damaged[0].second.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(opened->damaged[1].second.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(opened->damaged[2].second.code(), absl::StatusCode::kDataLoss);
  for (const auto& [record, status] : opened->damaged) {
    EXPECT_TRUE(opened->index->RestoreSegment(record, {}).ok());
  }
  EXPECT_TRUE(opened->index->TakeManifest().segments.empty());
}

TEST_F(DamageTest, DamagedTombstonesAreReported) {
  manifest_.segments[1].tombstones = "nonsense";
  EXPECT_EQ(VectorIndex::Open(directory_.path(), Config(8, 200), manifest_)->damaged.size(), 1U);
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
