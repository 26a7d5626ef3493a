// The write path against a model of what it should hold, over a real log and over one that
// misbehaves, with restarts at any point.
#include "engine/shard.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "engine/write_delay.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

constexpr int kDimensions = 4;

// Delivers every command twice, and refuses some before anything is written.
class UnreliableLog final : public storage::WriteLog {
 public:
  UnreliableLog(storage::WriteLog* inner, uint32_t seed) : inner_(inner), random_(seed) {}
  absl::StatusOr<storage::Sequence> Append(const storage::CollectionId& collection,
                                           std::string_view command, Apply apply) override {
    if (random_() % 8 == 0) return absl::UnavailableError("the log is away");
    return inner_->Append(collection, command,
                          [&](storage::Sequence sequence, storage::Batch& batch) {
                            storage::Batch discarded;
                            auto status = apply(sequence, discarded);
                            return status.ok() ? apply(sequence, batch) : status;
                          });
  }
  absl::Status Sync(storage::Sequence sequence) override {
    synced_.push_back(sequence);
    return inner_->Sync(sequence);
  }
  absl::Status Replay(
      const storage::CollectionId& collection, storage::Sequence after,
      absl::FunctionRef<absl::Status(storage::Sequence, std::string_view)> visit) const override {
    // Twice: what a broker does after a lost acknowledgement.
    auto status = inner_->Replay(collection, after, visit);
    return status.ok() ? inner_->Replay(collection, after, visit) : status;
  }
  void Trim(const storage::CollectionId& collection, storage::Sequence through,
            storage::Batch& batch) override {
    inner_->Trim(collection, through, batch);
  }
  storage::Sequence last_sequence() const override { return inner_->last_sequence(); }
  const std::vector<storage::Sequence>& synced() const { return synced_; }

 private:
  std::vector<storage::Sequence> synced_;
  storage::WriteLog* const inner_;
  std::mt19937 random_;
};

class ShardTest : public testing::TestWithParam<bool> {
 protected:
  ShardTest() {
    CollectionConfig config;
    config.vectors[""] = {kDimensions, Metric::kEuclid, {}};
    definition_ = *Definition::Create("c", config);
    OpenStore();
    storage::Batch batch;
    Shard::AddCreation(definition_, batch);
    EXPECT_TRUE(store_->Write(batch).ok());
    OpenShard();
  }

  void OpenStore() {
    store_ = *storage::Store::Open(directory_.path() + "/store");
    local_log_ = *storage::LocalWriteLog::Open(store_.get());
    unreliable_log_ = std::make_unique<UnreliableLog>(local_log_.get(), 7);
  }
  void OpenShard() {
    ShardEnvironment environment;
    environment.store = store_.get();
    environment.log =
        GetParam() ? static_cast<storage::WriteLog*>(unreliable_log_.get()) : local_log_.get();
    environment.directory = directory_.path() + "/segments";
    environment.seal_threshold = 50;
    environment.log_bytes_per_manifest = log_bytes_per_manifest_;
    auto shard = Shard::Open(environment, definition_);
    ASSERT_TRUE(shard.ok()) << shard.status();
    shard_ = *std::move(shard);
  }
  void Restart() {
    shard_.reset();
    unreliable_log_.reset();
    local_log_.reset();
    store_.reset();
    OpenStore();
    OpenShard();
  }

  // Writes the changes and, when they are acknowledged, does the same to the model.
  void Write(const std::vector<PointChange>& changes) {
    const auto result =
        shard_->Write([&]() -> absl::StatusOr<std::vector<PointChange>> { return changes; }, {},
                      Durability::kBuffered);
    if (!result.ok()) return;
    for (const PointChange& change : changes) {
      if (change.kind == PointChange::Kind::kDelete) {
        expected_.erase(change.key.low);
      } else if (change.kind == PointChange::Kind::kReplace) {
        expected_[change.key.low] = change.vectors[0].vector;
      } else if (expected_.contains(change.key.low)) {
        expected_[change.key.low] = change.vectors[0].vector;
      }
    }
  }

  void ExpectModel() {
    EXPECT_EQ(shard_->points(), expected_.size());
    VerifyReport report;
    ASSERT_TRUE(shard_->Verify(report).ok());
    EXPECT_THAT(report.problems, testing::IsEmpty());
    Query query;
    query.limit = expected_.size() + 10;
    query.exact = true;
    const auto found = shard_->Nearest({0, {0, 0, 0, 0}, {}}, query, nullptr);
    ASSERT_TRUE(found.ok()) << found.status();
    std::map<uint64_t, float> scores;
    for (const ScoredPoint& point : *found) scores[point.id.number()] = point.score;
    ASSERT_EQ(scores.size(), expected_.size());
    for (const auto& [id, vector] : expected_) {
      float square = 0;
      for (float value : vector) square += value * value;
      EXPECT_NEAR(scores[id], std::sqrt(square), 1e-3F) << id;
    }
  }

  int LogLength() const {
    int commands = 0;
    EXPECT_TRUE(local_log_
                    ->Replay(definition_.id, 0,
                             [&](storage::Sequence, std::string_view) {
                               ++commands;
                               return absl::OkStatus();
                             })
                    .ok());
    return commands;
  }

  size_t log_bytes_per_manifest_ = size_t{64} << 20;
  TemporaryDirectory directory_;
  Definition definition_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::LocalWriteLog> local_log_;
  std::unique_ptr<UnreliableLog> unreliable_log_;
  std::shared_ptr<Shard> shard_;
  std::map<uint64_t, std::vector<float>> expected_;
};

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
      ASSERT_TRUE(shard_->Seal(never).ok());
      ASSERT_TRUE(shard_->Merge(never).ok());
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
  const auto found = shard_->Nearest({0, {0, 0, 0, 0}, {}}, query, nullptr);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->size(), 1U);
  VerifyReport report;
  ASSERT_TRUE(shard_->Verify(report).ok());
  EXPECT_THAT(report.problems, testing::Contains(testing::HasSubstr("was left out of its index")));
}

TEST_P(ShardTest, MaintenanceTrimsTheLog) {
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
TEST_P(ShardTest, ARareVectorHoldsTheLogBackOnlySoFar) {
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
      ASSERT_TRUE(shard_->Seal(never).ok());
      ASSERT_TRUE(shard_->Merge(never).ok());
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

// Nobody builds graphs here, as where they can't be built.
TEST_P(ShardTest, WritesSlowDownWhileTooManyVectorsWaitForAGraph) {
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

INSTANTIATE_TEST_SUITE_P(Logs, ShardTest, testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "Unreliable" : "Local"; });

}  // namespace
}  // namespace vecnest::engine
