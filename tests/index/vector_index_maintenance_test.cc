#include <algorithm>
#include <atomic>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/vector_index.h"
#include "tests/index/test_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

using testing::AddRows;
using testing::Config;
using testing::Files;
using ::testing::HasSubstr;
using testing::MustOpen;

TEST(VectorIndexMaintenanceTest, AtRestOneGraphHoldsAll) {
  const TemporaryDirectory directory;
  constexpr size_t kRows = 12000;
  const testing::Matrix points = testing::Clustered(kRows, 8, 1);
  const auto index = MustOpen(directory.path(), Config(8, 4000));
  AddRows(*index, points, 0, 3000);
  // Scanned exactly, all of it.
  EXPECT_FALSE(*index->SealAtRest());
  AddRows(*index, points, 3000, 4000);
  ASSERT_TRUE(*index->SealFull());
  AddRows(*index, points, 4000, 6047);
  EXPECT_FALSE(*index->SealAtRest());
  EXPECT_EQ(index->Stats().growing, 2047U);
  AddRows(*index, points, 6047, 7900);
  EXPECT_TRUE(*index->SealAtRest());
  EXPECT_EQ(index->Stats().growing, 0U);
  AddRows(*index, points, 7900, kRows);
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
TEST(VectorIndexMaintenanceConcurrencyTest, MergingGoesOnBesideSealing) {
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

TEST(VectorIndexMaintenanceTest, FilesThatTheManifestDoesNotListAreRemoved) {
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

TEST(VectorIndexMaintenanceTest, MergedSegmentsLoseTheirFilesAfterTheCommit) {
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

TEST(VectorIndexMaintenanceTest, AllDeletedLeavesNothing) {
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

// A new metric is that of searches at once. Graphs that do not serve it are rebuilt; those of
// vectors of unit length do.
TEST(VectorIndexMaintenanceTest, GraphsAreRebuiltForAnotherMetric) {
  constexpr size_t kRows = 4000;
  constexpr int kWidth = 48;
  const testing::Matrix queries = testing::Clustered(30, kWidth, 2);
  for (const bool unit : {false, true}) {
    const TemporaryDirectory directory;
    const testing::Matrix points = testing::Clustered(kRows, kWidth, 1, unit);
    auto index = testing::MustOpen(directory.path(), testing::Config(kWidth, kRows));
    testing::AddRows(*index, points, 0, kRows);
    ASSERT_TRUE(index->SealAll().ok());
    EXPECT_FALSE(index->NeedsMaintenance());
    for (const Metric metric : {Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
      index->SetMetric(metric);
      const bool serves = unit && metric != Metric::kManhattan;
      EXPECT_EQ(index->NeedsMaintenance(), !serves);
      SearchStats stats;
      const auto before = index->Search(queries.Row(0), {.exact = true}, &stats);
      ASSERT_TRUE(before.ok());
      EXPECT_EQ(stats.metric, metric);
      ASSERT_TRUE(index->Search(queries.Row(0), {}, &stats).ok());
      EXPECT_EQ(stats.exact, !serves);
      absl::StatusOr<bool> more = true;
      while (more.ok() && *more) more = testing::Maintain(*index);
      ASSERT_TRUE(more.ok());
      EXPECT_FALSE(index->NeedsMaintenance());
      size_t found = 0;
      for (size_t query = 0; query < queries.count(); ++query) {
        const auto exact = index->Search(queries.Row(query), {.exact = true}, nullptr);
        const auto answer = index->Search(queries.Row(query), {}, &stats);
        EXPECT_EQ(stats.segments_walked, 1U) << static_cast<int>(metric);
        for (const ScoredLabel& hit : *answer) {
          found += std::any_of(exact->begin(), exact->end(),
                               [&](const ScoredLabel& one) { return one.label == hit.label; })
                       ? 1
                       : 0;
        }
      }
      EXPECT_GE(found, queries.count() * 10 * 95 / 100) << static_cast<int>(metric);
    }
  }
}

}  // namespace
}  // namespace vecnest::index
