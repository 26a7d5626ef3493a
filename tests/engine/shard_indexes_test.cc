// Payload indexes of a shard through any history: writes, restarts with and without a clean end,
// checkpoints, indexes that come and go. The reference is a fresh build from the records.
#include <filesystem>
#include <map>
#include <thread>

#include "engine/shard.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/random_payloads.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

class ShardIndexesTest : public testing::Test {
 protected:
  ShardIndexesTest() {
    CollectionConfig config;
    config.vectors["v"] = {2, Metric::kEuclid, {}};
    definition_ = *Definition::Create("c", config);
    Open();
    storage::Batch batch;
    Shard::AddCreation(definition_, batch);
    EXPECT_TRUE(store_->Write(batch).ok());
    OpenShard();
  }
  void Open() {
    store_ = *storage::Store::Open(directory_.path() + "/store");
    log_ = *storage::LocalWriteLog::Open(store_.get());
  }
  void OpenShard() {
    auto definitions = Shard::StoredDefinitions(*store_);
    ASSERT_TRUE(definitions.ok() && definitions->size() == 1 && (*definitions)[0].second.ok());
    ShardEnvironment environment;
    environment.store = store_.get();
    environment.log = log_.get();
    environment.directory = directory_.path() + "/segments";
    auto shard = Shard::Open(environment, *(*definitions)[0].second);
    ASSERT_TRUE(shard.ok()) << shard.status();
    shard_ = *std::move(shard);
  }
  void Restart(bool clean) {
    if (clean) {
      ASSERT_TRUE(shard_->Close().ok());
    }
    shard_.reset();
    log_.reset();
    store_.reset();
    Open();
    OpenShard();
  }

  absl::Status Write(const std::vector<PointChange>& changes) {
    return shard_
        ->Write([&]() -> absl::StatusOr<std::vector<PointChange>> { return changes; }, {},
                Durability::kBuffered)
        .status();
  }
  std::vector<PointChange> RandomChanges(RandomPayloads& random) {
    std::map<uint64_t, PointChange> changes;
    for (size_t i = 1 + random.Below(8); i > 0; --i) {
      const uint64_t id = random.Below(200);
      PointChange change;
      change.key = id % 5 == 0 ? storage::PointKey{1, id, id} : storage::PointKey{0, 0, id};
      change.kind = static_cast<PointChange::Kind>(random.Below(3));
      if (change.kind != PointChange::Kind::kDelete) change.payload = random.Payload().dump();
      if (change.kind == PointChange::Kind::kReplace && random.Below(3) > 0) {
        change.vectors.push_back({0, {}, {}, {1, 2}});
      }
      if (change.kind == PointChange::Kind::kPatch && random.Below(3) == 0) {
        change.removed_slots.push_back(0);
      }
      changes[id] = std::move(change);
    }
    std::vector<PointChange> list;
    for (auto& [id, change] : changes) list.push_back(std::move(change));
    return list;
  }
  void ExpectWhole() {
    VerifyReport report;
    ASSERT_TRUE(shard_->Verify(report).ok());
    EXPECT_THAT(report.problems, testing::IsEmpty());
  }
  std::vector<std::string> IndexKeys(storage::IndexPart part) {
    std::vector<std::string> keys;
    auto cursor =
        store_->Scan(storage::Family::kIndexes, storage::IndexPrefix(part, definition_.id));
    for (; cursor->Valid(); cursor->Next()) keys.emplace_back(cursor->key());
    return keys;
  }

  TemporaryDirectory directory_;
  Definition definition_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::LocalWriteLog> log_;
  std::shared_ptr<Shard> shard_;
};

TEST_F(ShardIndexesTest, AreAFreshBuildAtEveryMoment) {
  RandomPayloads random(57);
  for (int step = 0; step < 600; ++step) {
    ASSERT_TRUE(Write(RandomChanges(random)).ok());
    const std::string& field = RandomPayloads::Fields()[random.Below(4)];
    switch (random.Below(40)) {
      case 0:
      case 1:
        ASSERT_TRUE(
            shard_->CreatePayloadIndex(field, {kEveryPayloadIndexType[random.Below(7)], "{}"})
                .ok());
        break;
      case 2:
        ASSERT_TRUE(shard_->DeletePayloadIndex(field).ok());
        break;
      case 3:
        ASSERT_TRUE(shard_->Optimize().ok());
        break;
      case 4:
      case 5:
        Restart(/*clean=*/false);
        ExpectWhole();
        break;
      case 6:
        Restart(/*clean=*/true);
        ExpectWhole();
        break;
      default:
        break;
    }
  }
  ExpectWhole();
}

// What a process that dies leaves behind is the store as it is at that moment: a copy of it.
TEST_F(ShardIndexesTest, AnyMomentCanBeTheLast) {
  RandomPayloads random(5);
  ASSERT_TRUE(shard_->CreatePayloadIndex("a", {PayloadIndexType::kKeyword, "{}"}).ok());
  for (int step = 0; step < 60; ++step) {
    ASSERT_TRUE(Write(RandomChanges(random)).ok());
    if (step % 20 == 9) {
      ASSERT_TRUE(shard_->Optimize().ok());
    }
    if (step % 6 != 5) continue;
    TemporaryDirectory copy;
    std::filesystem::copy(directory_.path(), copy.path(), std::filesystem::copy_options::recursive);
    std::filesystem::remove(copy.path() + "/store/LOCK");
    auto store = storage::Store::Open(copy.path() + "/store");
    ASSERT_TRUE(store.ok()) << store.status();
    auto log = storage::LocalWriteLog::Open(store->get());
    ShardEnvironment environment;
    environment.store = store->get();
    environment.log = log->get();
    environment.directory = copy.path() + "/segments";
    auto definitions = Shard::StoredDefinitions(**store);
    auto shard = Shard::Open(environment, *(*definitions)[0].second);
    ASSERT_TRUE(shard.ok()) << shard.status();
    VerifyReport report;
    ASSERT_TRUE((*shard)->Verify(report).ok());
    EXPECT_THAT(report.problems, testing::IsEmpty());
    EXPECT_EQ((*shard)->points(), shard_->points());
  }
}

TEST_F(ShardIndexesTest, ACheckpointTrimsTheChanges) {
  RandomPayloads random(8);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Write(RandomChanges(random)).ok());
  EXPECT_THAT(IndexKeys(storage::IndexPart::kChanges), testing::SizeIs(20));
  EXPECT_THAT(IndexKeys(storage::IndexPart::kCheckpoint), testing::IsEmpty());
  ASSERT_TRUE(shard_->Close().ok());
  EXPECT_THAT(IndexKeys(storage::IndexPart::kChanges), testing::IsEmpty());
  EXPECT_THAT(IndexKeys(storage::IndexPart::kCheckpoint), testing::SizeIs(1));
  Restart(/*clean=*/false);
  ExpectWhole();
}

TEST_F(ShardIndexesTest, ManyChangesAskForACheckpoint) {
  std::vector<PointChange> changes(10'001);
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i].key = {0, 0, i};
    changes[i].payload = "{}";
  }
  ASSERT_TRUE(Write({changes.begin(), changes.end() - 1}).ok());
  EXPECT_FALSE(shard_->NeedsMaintenance());
  ASSERT_TRUE(Write({changes.back()}).ok());
  EXPECT_TRUE(shard_->NeedsMaintenance());
  const std::atomic<bool> never = false;
  while (*shard_->Seal(never) || *shard_->Merge(never)) {
  }
  EXPECT_FALSE(shard_->NeedsMaintenance());
  EXPECT_THAT(IndexKeys(storage::IndexPart::kCheckpoint), testing::Not(testing::IsEmpty()));
  Restart(/*clean=*/false);
  ExpectWhole();
}

// Records of format version 1 have none.
TEST_F(ShardIndexesTest, PointsWithoutNumbersGetThemAtTheNextStart) {
  RandomPayloads random(13);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Write(RandomChanges(random)).ok());
  std::vector<StoredPoint> points;
  ASSERT_TRUE(shard_
                  ->ForEach([&](const PointId& id, const PointRecord& record) {
                    if (id.low() % 3 != 0) points.push_back({id, record});
                    return true;
                  })
                  .ok());
  storage::Batch batch;
  for (StoredPoint& point : points) {
    point.record.number = kNoNumber;
    batch.Put(storage::Family::kPoints, storage::PointsKey(definition_.id, ToStorageKey(point.id)),
              point.record.Encode());
  }
  batch.DeletePrefix(storage::Family::kIndexes,
                     storage::IndexPrefix(storage::IndexPart::kChanges, definition_.id));
  ASSERT_TRUE(store_->Write(batch).ok());
  Restart(/*clean=*/false);
  ExpectWhole();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Write(RandomChanges(random)).ok());
  Restart(/*clean=*/false);
  ExpectWhole();
}

TEST_F(ShardIndexesTest, ADamagedCheckpointIsBuiltAnewAndTold) {
  RandomPayloads random(19);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Write(RandomChanges(random)).ok());
  ASSERT_TRUE(shard_->CreatePayloadIndex("a", {PayloadIndexType::kKeyword, "{}"}).ok());
  storage::Batch batch;
  batch.Put(storage::Family::kIndexes, IndexKeys(storage::IndexPart::kCheckpoint)[0], "damaged");
  ASSERT_TRUE(store_->Write(batch).ok());
  Restart(/*clean=*/false);
  VerifyReport report;
  ASSERT_TRUE(shard_->Verify(report).ok());
  EXPECT_THAT(report.problems, testing::ElementsAre(testing::HasSubstr("built anew")));
}

TEST_F(ShardIndexesTest, AnIndexIsMadeWhileOthersWriteAndRead) {
  RandomPayloads random(29);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Write(RandomChanges(random)).ok());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    RandomPayloads own(31);
    while (!done) EXPECT_TRUE(Write(RandomChanges(own)).ok());
  });
  std::thread reader([&] {
    Filter filter;
    filter.must.emplace_back(FieldCondition{"a", IsNullCondition{}});
    while (!done) EXPECT_TRUE(shard_->Count(filter, CallLimits{}).ok());
  });
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(
        shard_->CreatePayloadIndex("a", {kEveryPayloadIndexType[random.Below(7)], "{}"}).ok());
  }
  done = true;
  writer.join();
  reader.join();
  ExpectWhole();
}

TEST_F(ShardIndexesTest, ADeletedCollectionLeavesNothing) {
  ASSERT_TRUE(Write({{{0, 0, 1}, PointChange::Kind::kReplace, "{}", {}, {}}}).ok());
  ASSERT_TRUE(shard_->CreatePayloadIndex("a", {}).ok());
  ASSERT_TRUE(Write({{{0, 0, 2}, PointChange::Kind::kReplace, "{}", {}, {}}}).ok());
  shard_->Drop();
  EXPECT_EQ(shard_->CreatePayloadIndex("b", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(shard_->DeletePayloadIndex("a").status().code(), absl::StatusCode::kNotFound);
  storage::Batch batch;
  Shard::AddRemoval(definition_, batch);
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_THAT(IndexKeys(storage::IndexPart::kChanges), testing::IsEmpty());
  EXPECT_THAT(IndexKeys(storage::IndexPart::kCheckpoint), testing::IsEmpty());
}

}  // namespace
}  // namespace vecnest::engine
