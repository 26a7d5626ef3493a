// A shard over a real log or over one that misbehaves, with a model of what it should hold.
#ifndef VECNEST_TESTS_ENGINE_SHARD_FIXTURE_H_
#define VECNEST_TESTS_ENGINE_SHARD_FIXTURE_H_

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "engine/shard.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
inline constexpr int kDimensions = 4;

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
    const auto stored = Shard::StoredDefinitions(*store_);
    ASSERT_TRUE(stored.ok()) << stored.status();
    for (const auto& [name, definition] : *stored) {
      if (name == definition_.name) definition_ = *definition;
    }
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
    const auto found = shard_->Nearest({0, {0, 0, 0, 0}, {}}, query, CallLimits{}, nullptr);
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

}  // namespace vecnest::engine

#endif  // VECNEST_TESTS_ENGINE_SHARD_FIXTURE_H_
