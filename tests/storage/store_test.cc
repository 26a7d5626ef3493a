#include "storage/store.h"

#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::storage {
namespace {

std::unique_ptr<Store> OpenOrDie(const std::string& directory) {
  auto store = Store::Open(directory);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

std::vector<std::string> KeysOf(Cursor& cursor) {
  std::vector<std::string> keys;
  for (; cursor.Valid(); cursor.Next()) keys.emplace_back(cursor.key());
  EXPECT_TRUE(cursor.status().ok());
  return keys;
}

TEST(StoreTest, BatchIsReadBackAfterReopening) {
  const TemporaryDirectory directory;
  {
    auto store = OpenOrDie(directory.path());
    Batch batch;
    batch.Put(Family::kPoints, "a", "1");
    batch.Put(Family::kVectors, "a", "2");
    ASSERT_TRUE(store->Write(batch).ok());
    ASSERT_TRUE(store->Sync().ok());
  }
  auto store = OpenOrDie(directory.path());
  EXPECT_EQ(*store->Get(Family::kPoints, "a"), "1");
  EXPECT_EQ(*store->Get(Family::kVectors, "a"), "2");
  EXPECT_EQ(*store->Get(Family::kLog, "a"), std::nullopt);
  EXPECT_THAT(*store->MultiGet(Family::kPoints, {"b", "a"}),
              testing::ElementsAre(std::nullopt, "1"));
}

TEST(StoreTest, ScanStaysInsideThePrefix) {
  const TemporaryDirectory directory;
  auto store = OpenOrDie(directory.path());
  Batch batch;
  for (const char* key : {"a", "ab", "abc", "ac", "b"}) batch.Put(Family::kMeta, key, "");
  ASSERT_TRUE(store->Write(batch).ok());
  EXPECT_THAT(KeysOf(*store->Scan(Family::kMeta, "a")),
              testing::ElementsAre("a", "ab", "abc", "ac"));
  EXPECT_THAT(KeysOf(*store->Scan(Family::kMeta, "a", "abc")), testing::ElementsAre("abc", "ac"));
}

TEST(StoreTest, DeletePrefixLeavesNeighbours) {
  const TemporaryDirectory directory;
  auto store = OpenOrDie(directory.path());
  Batch batch;
  for (const char* key : {"a", "ab", "ab\xff", "ac"}) batch.Put(Family::kMeta, key, "");
  ASSERT_TRUE(store->Write(batch).ok());
  Batch removal;
  removal.DeletePrefix(Family::kMeta, "ab");
  ASSERT_TRUE(store->Write(removal).ok());
  EXPECT_THAT(KeysOf(*store->Scan(Family::kMeta, "a")), testing::ElementsAre("a", "ac"));
}

// Points have a filter in front of what is not in files yet.
TEST(StoreTest, PointsOfOneBufferAreFoundBesideWhatIsNotThere) {
  const TemporaryDirectory directory;
  auto store = OpenOrDie(directory.path());
  Batch batch;
  for (const char* key : {"ab1", "ab2", "b", "c"}) batch.Put(Family::kPoints, key, key);
  ASSERT_TRUE(store->Write(batch).ok());
  Batch removal;
  removal.DeletePrefix(Family::kPoints, "ab");
  removal.Delete(Family::kPoints, "c");
  removal.Put(Family::kPoints, "ab2", "new");
  ASSERT_TRUE(store->Write(removal).ok());
  EXPECT_THAT(*store->MultiGet(Family::kPoints, {"ab1", "ab2", "b", "c", "d"}),
              testing::ElementsAre(std::nullopt, "new", "b", std::nullopt, std::nullopt));
}

TEST(StoreTest, SnapshotDoesNotSeeLaterWrites) {
  const TemporaryDirectory directory;
  auto store = OpenOrDie(directory.path());
  Batch first;
  first.Put(Family::kMeta, "k", "old");
  ASSERT_TRUE(store->Write(first).ok());
  const auto snapshot = store->TakeSnapshot();
  Batch second;
  second.Put(Family::kMeta, "k", "new");
  ASSERT_TRUE(store->Write(second).ok());
  EXPECT_EQ(*store->Get(Family::kMeta, "k", snapshot.get()), "old");
  EXPECT_EQ(*store->Get(Family::kMeta, "k"), "new");
}

TEST(StoreTest, SecondOwnerIsRefusedWithAReason) {
  const TemporaryDirectory directory;
  auto store = OpenOrDie(directory.path());
  const auto second = Store::Open(directory.path());
  ASSERT_EQ(second.status().code(), absl::StatusCode::kUnavailable) << second.status();
  EXPECT_THAT(std::string(second.status().message()), testing::HasSubstr("another process"));
}

// Of the process's threads with this name.
std::vector<int> NicenessOf(const std::string& name) {
  std::vector<int> niceness;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string found;
    std::getline(std::ifstream(task.path() / "comm"), found);
    const auto id = static_cast<id_t>(std::stoul(task.path().filename()));
    if (found == name) niceness.push_back(getpriority(PRIO_PROCESS, id));
  }
  return niceness;
}

TEST(StoreTest, FlushesLeaveTheProcessorsToOthers) {
  const TemporaryDirectory directory;
  auto store = OpenOrDie(directory.path());
  const std::string megabyte(size_t{1} << 20, 'x');
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  // A thread becomes nice with the first flush it makes.
  for (int i = 0; std::chrono::steady_clock::now() < deadline; ++i) {
    if (NicenessOf("rocksdb:high") == std::vector<int>{19}) return;
    Batch batch;
    batch.Put(Family::kVectors, std::to_string(i % 200), megabyte);
    ASSERT_TRUE(store->Write(batch).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  FAIL() << testing::PrintToString(NicenessOf("rocksdb:high"));
}

TEST(StoreTest, DamagedBlockIsFound) {
  const TemporaryDirectory directory;
  {
    auto store = OpenOrDie(directory.path());
    // Several write buffers, so that table files are written.
    for (int i = 0; i < 40; ++i) {
      Batch batch;
      batch.Put(Family::kVectors, "key" + std::to_string(i), std::string(1 << 20, 'v'));
      ASSERT_TRUE(store->Write(batch).ok());
    }
    ASSERT_TRUE(store->VerifyChecksums().ok());
  }
  {
    auto flushed_by_recovery = OpenOrDie(directory.path());
  }
  int damaged = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
    if (file.path().extension() != ".sst" || file.file_size() < (1 << 20)) continue;
    std::fstream stream(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(file.file_size() / 2));
    stream.put('X');
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  auto store = OpenOrDie(directory.path());
  EXPECT_EQ(store->VerifyChecksums().code(), absl::StatusCode::kDataLoss);
}

// Damage in the middle of the log must not silently end it there.
TEST(StoreTest, ADamagedLogIsRefusedUntilToldOtherwise) {
  const TemporaryDirectory directory;
  {
    auto store = *Store::Open(directory.path());
    for (int i = 0; i < 200; ++i) {
      Batch batch;
      batch.Put(Family::kPoints, "key" + std::to_string(i), std::string(100, 'v'));
      ASSERT_TRUE(store->Write(batch).ok());
    }
    ASSERT_TRUE(store->Sync().ok());
  }
  std::string log;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    if (entry.path().extension() == ".log" && entry.file_size() > 1000) log = entry.path();
  }
  ASSERT_FALSE(log.empty());
  std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(log) / 2));
  file.put('\x5A');
  file.close();
  EXPECT_EQ(Store::Open(directory.path()).status().code(), absl::StatusCode::kDataLoss);

  auto salvaged = Store::Open(directory.path(), {.salvage_log = true});
  ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  EXPECT_TRUE((*(*salvaged)->Get(Family::kPoints, "key0")).has_value());
  EXPECT_FALSE((*(*salvaged)->Get(Family::kPoints, "key199")).has_value());
}

}  // namespace
}  // namespace vecnest::storage
