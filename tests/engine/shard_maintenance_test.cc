// Background work, and writes that wait for it.
#include <atomic>
#include <chrono>

#include "engine/write_delay.h"
#include "tests/engine/shard_fixture.h"

namespace vecnest::engine {
namespace {

using ShardMaintenanceTest = ShardTest;

TEST_P(ShardMaintenanceTest, MaintenanceTrimsTheLog) {
  for (uint64_t i = 0; i < 60; ++i) {
    Write({{{0, 0, i},
            PointChange::Kind::kReplace,
            "{}",
            {{0, std::nullopt, std::nullopt, {1, 2, 3, static_cast<float>(i)}}},
            {}}});
  }
  ASSERT_TRUE(shard_->Optimize().ok());
  EXPECT_EQ(LogLength(), 0);
  Restart();
  ExpectModel();
}

// A named vector that is hardly ever written must not keep the log of the others for ever.
TEST_P(ShardMaintenanceTest, ARareVectorHoldsTheLogBackOnlySoFar) {
  if (GetParam()) GTEST_SKIP() << "this log refuses some commands";
  CollectionConfig config;
  config.vectors["often"] = {kDimensions, Metric::kEuclid, {}};
  config.vectors["rarely"] = {kDimensions, Metric::kEuclid, {}};
  definition_ = *Definition::Create("two", config);
  storage::Batch batch;
  Shard::AddCreation(definition_, batch);
  ASSERT_TRUE(store_->Write(batch).ok());
  log_bytes_per_manifest_ = 20'000;
  OpenShard();
  const auto write = [&](uint64_t id, Slot slot) {
    const std::vector<PointChange> changes = {
        {{0, 0, id}, PointChange::Kind::kReplace, "{}", {{slot, {}, {}, {1, 2, 3, 4}}}, {}}};
    ASSERT_TRUE(shard_
                    ->Write([&]() -> absl::StatusOr<std::vector<PointChange>> { return changes; },
                            {}, Durability::kBuffered)
                    .ok());
  };
  const std::atomic<bool> never = false;
  write(0, 1);
  int longest = 0;
  for (uint64_t id = 1; id <= 1000; ++id) {
    write(id, 0);
    if (shard_->NeedsMaintenance()) {
      while (*shard_->Seal(never) || *shard_->Merge(never)) {
      }
    }
    longest = std::max(longest, LogLength());
  }
  // A command has some 70 bytes.
  EXPECT_GT(longest, 100);
  EXPECT_LT(longest, 400);
  // What was sealed to get rid of the log does not ask for more at once.
  ASSERT_TRUE(shard_->Optimize().ok());
  write(1001, 0);
  EXPECT_FALSE(shard_->NeedsMaintenance());
}

// Nobody builds graphs here, as where they can't be built.
TEST_P(ShardMaintenanceTest, WritesSlowDownWhileTooManyVectorsWaitForAGraph) {
  if (GetParam()) GTEST_SKIP() << "this log refuses some commands";
  const auto waited = [&](size_t vectors, const CallLimits& limits, absl::StatusCode expected) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(shard_->AwaitGraphs(vectors, limits).code(), expected);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  EXPECT_LT(waited(1000000, {}, absl::StatusCode::kOk), 1);
  std::vector<PointChange> changes(32000);
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i] = {{0, 0, i},
                  PointChange::Kind::kReplace,
                  "{}",
                  {{0, {}, {}, {static_cast<float>(i % 100), static_cast<float>(i / 100), 1, 2}}},
                  {}};
  }
  Write(changes);
  ASSERT_EQ(expected_.size(), changes.size());
  const double expected = absl::ToDoubleSeconds(WriteDelay(1000, changes.size(), 50));
  ASSERT_GT(expected, 0.1);
  EXPECT_GE(waited(1000, {}, absl::StatusCode::kOk), expected);
  EXPECT_GE(waited(1000000, {}, absl::StatusCode::kOk), absl::ToDoubleSeconds(kLongestWriteDelay));
  CallLimits limits;
  limits.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  EXPECT_LT(waited(1000000, limits, absl::StatusCode::kDeadlineExceeded), 1.5);
  ASSERT_TRUE(shard_->Optimize().ok());
  EXPECT_LT(waited(1000000, {}, absl::StatusCode::kOk), 1);
}

INSTANTIATE_TEST_SUITE_P(Logs, ShardMaintenanceTest, testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "Unreliable" : "Local"; });

}  // namespace
}  // namespace vecnest::engine
