// The write path against a model of what it should hold, over a real log and over one that
// misbehaves, with restarts at any point.
#include "engine/shard.h"

#include "tests/engine/shard_fixture.h"

namespace vecnest::engine {
namespace {

TEST_P(ShardTest, HoldsWhatWasAcknowledgedThroughAnyHistory) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-10, 10);
  const auto vector = [&] {
    std::vector<float> values(kDimensions);
    for (float& value : values) value = uniform(random);
    return values;
  };
  const std::atomic<bool> never = false;
  for (int step = 0; step < 400; ++step) {
    std::map<uint64_t, PointChange> changes;
    const size_t count = 1 + random() % 8;
    for (size_t i = 0; i < count; ++i) {
      const uint64_t id = random() % 150;
      PointChange change;
      change.key = {0, 0, id};
      switch (random() % 4) {
        case 0:
          change.kind = PointChange::Kind::kDelete;
          break;
        case 1:
          change.kind = PointChange::Kind::kPatch;
          change.vectors.push_back({0, std::nullopt, std::nullopt, vector()});
          break;
        default:
          change.kind = PointChange::Kind::kReplace;
          change.payload = "{}";
          change.vectors.push_back({0, std::nullopt, std::nullopt, vector()});
      }
      changes[id] = std::move(change);
    }
    std::vector<PointChange> list;
    for (auto& [id, change] : changes) list.push_back(std::move(change));
    Write(list);
    if (random() % 20 == 0) {
      while (*shard_->Seal(never) || *shard_->Merge(never)) {
      }
    }
    if (random() % 100 == 0) {
      ASSERT_TRUE(shard_->Optimize().ok());
    }
    if (random() % 40 == 0) Restart();
    if (step % 50 == 0) ExpectModel();
  }
  Restart();
  ExpectModel();
}

TEST_P(ShardTest, AVectorThatCanNotBeSearchedStaysOutOfTheLog) {
  PointChange bad;
  bad.key = {0, 0, 1};
  bad.vectors = {{0, {}, {}, {1, 2, 3, std::numeric_limits<float>::infinity()}}};
  const auto result =
      shard_->Write([&]() -> absl::StatusOr<std::vector<PointChange>> { return std::vector{bad}; },
                    {}, Durability::kBuffered);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(LogLength(), 0);
  Restart();
  ExpectModel();
}

TEST_P(ShardTest, AVectorThatCanNotBeSearchedDoesNotTakeTheOthersWithIt) {
  PointChange bad;
  bad.key = {0, 0, 1};
  bad.vectors = {{0, {}, {}, {1, 2, 3, std::nanf("")}}};
  const auto nothing = [](storage::Sequence, storage::Batch&) { return absl::OkStatus(); };
  ASSERT_TRUE(local_log_->Append(definition_.id, EncodeCommand({bad}), nothing).ok());
  PointChange good;
  good.key = {0, 0, 2};
  good.vectors = {{0, {}, {}, {1, 2, 3, 4}}};
  while (expected_.empty()) Write({good});
  Restart();
  Query query;
  query.exact = true;
  const auto found = shard_->Nearest({0, {0, 0, 0, 0}, {}}, query, CallLimits{}, nullptr);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->size(), 1U);
  VerifyReport report;
  ASSERT_TRUE(shard_->Verify(report).ok());
  EXPECT_THAT(report.problems, testing::Contains(testing::HasSubstr("was left out of its index")));
}

// What bulk imports end with.
TEST_P(ShardTest, ASyncedWriteWithoutChangesWaitsForTheOnesBefore) {
  if (!GetParam()) GTEST_SKIP() << "only the log of the tests tells what was synced";
  const auto write = [&](const std::vector<PointChange>& changes, Durability durability) {
    return shard_->Write([&]() -> absl::StatusOr<std::vector<PointChange>> { return changes; }, {},
                         durability);
  };
  const std::vector<PointChange> point = {
      {{0, 0, 1}, PointChange::Kind::kReplace, "{}", {{0, {}, {}, {1, 2, 3, 4}}}, {}}};
  auto buffered = write(point, Durability::kBuffered);
  while (!buffered.ok()) buffered = write(point, Durability::kBuffered);
  EXPECT_THAT(unreliable_log_->synced(), testing::IsEmpty());
  ASSERT_TRUE(write({}, Durability::kSynced).ok());
  EXPECT_THAT(unreliable_log_->synced(), testing::ElementsAre(buffered->sequence));
}

// Positions in a command number vectors: what has none is not limited by them.
TEST_P(ShardTest, MorePointsThanACommandHasPositions) {
  if (GetParam()) GTEST_SKIP() << "this log refuses some commands";
  std::vector<PointChange> deletions(kMaxChangesPerCommand + 1);
  for (size_t i = 0; i < deletions.size(); ++i) {
    deletions[i].key = {0, 0, i};
    deletions[i].kind = PointChange::Kind::kDelete;
  }
  const auto write = [&] {
    return shard_->Write([&]() -> absl::StatusOr<std::vector<PointChange>> { return deletions; },
                         {}, Durability::kBuffered);
  };
  EXPECT_TRUE(write().ok());
  deletions.back().kind = PointChange::Kind::kReplace;
  deletions.back().vectors.push_back({0, {}, {}, {1, 2, 3, 4}});
  EXPECT_EQ(write().status().code(), absl::StatusCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Logs, ShardTest, testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "Unreliable" : "Local"; });

}  // namespace
}  // namespace vecnest::engine
