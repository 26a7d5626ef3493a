#include "storage/write_log.h"

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::storage {
namespace {

constexpr CollectionId kFirst = {1};
constexpr CollectionId kSecond = {2};

absl::Status Nothing(Sequence, Batch&) { return absl::OkStatus(); }

std::vector<std::string> Commands(const WriteLog& log, const CollectionId& collection,
                                  Sequence after) {
  std::vector<std::string> commands;
  EXPECT_TRUE(log.Replay(collection, after,
                         [&](Sequence sequence, std::string_view command) {
                           commands.push_back(std::to_string(sequence) + ":" +
                                              std::string(command));
                           return absl::OkStatus();
                         })
                  .ok());
  return commands;
}

class WriteLogTest : public testing::Test {
 protected:
  WriteLogTest() { Reopen(); }
  void Reopen() {
    log_.reset();
    store_.reset();
    store_ = *Store::Open(directory_.path());
    log_ = *LocalWriteLog::Open(store_.get());
  }
  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<LocalWriteLog> log_;
};

TEST_F(WriteLogTest, ReplaysACollectionsCommandsInOrderAfterReopening) {
  EXPECT_EQ(*log_->Append(kFirst, "a", Nothing), 1u);
  EXPECT_EQ(*log_->Append(kSecond, "b", Nothing), 2u);
  EXPECT_EQ(*log_->Append(kFirst, "c", Nothing), 3u);
  Reopen();
  EXPECT_THAT(Commands(*log_, kFirst, 0), testing::ElementsAre("1:a", "3:c"));
  EXPECT_THAT(Commands(*log_, kFirst, 1), testing::ElementsAre("3:c"));
  EXPECT_THAT(Commands(*log_, kSecond, 0), testing::ElementsAre("2:b"));
  EXPECT_EQ(*log_->Append(kFirst, "d", Nothing), 4u);
}

TEST_F(WriteLogTest, EffectAndRecordAreOneBatch) {
  ASSERT_TRUE(log_->Append(kFirst, "a",
                           [](Sequence sequence, Batch& batch) {
                             batch.Put(Family::kPoints, "p", std::to_string(sequence));
                             return absl::OkStatus();
                           })
                  .ok());
  EXPECT_EQ(*store_->Get(Family::kPoints, "p"), "1");
  const auto refused = log_->Append(kFirst, "b", [](Sequence, Batch& batch) {
    batch.Put(Family::kPoints, "p", "never");
    return absl::InvalidArgumentError("no");
  });
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(*store_->Get(Family::kPoints, "p"), "1");
  EXPECT_THAT(Commands(*log_, kFirst, 0), testing::ElementsAre("1:a"));
  EXPECT_EQ(log_->last_sequence(), 1u);
}

TEST_F(WriteLogTest, TrimmedCommandsAreGoneAndSequencesGoOn) {
  for (const char* command : {"a", "b", "c"})
    ASSERT_TRUE(log_->Append(kFirst, command, Nothing).ok());
  Batch batch;
  log_->Trim(kFirst, 3, batch);
  ASSERT_TRUE(store_->Write(batch).ok());
  Reopen();
  EXPECT_THAT(Commands(*log_, kFirst, 0), testing::IsEmpty());
  EXPECT_EQ(*log_->Append(kFirst, "d", Nothing), 4u);
}

TEST_F(WriteLogTest, ReplayStopsAtTheFirstError) {
  for (const char* command : {"a", "b", "c"})
    ASSERT_TRUE(log_->Append(kFirst, command, Nothing).ok());
  int visited = 0;
  const auto status = log_->Replay(kFirst, 0, [&](Sequence sequence, std::string_view) {
    ++visited;
    return sequence == 2 ? absl::DataLossError("bad") : absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(visited, 2);
}

TEST_F(WriteLogTest, ConcurrentAppendsAndSyncsGetDistinctSequences) {
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      const CollectionId collection = {static_cast<uint8_t>(10 + t)};
      for (int i = 0; i < kEach; ++i) {
        auto sequence = log_->Append(collection, "x", Nothing);
        ASSERT_TRUE(sequence.ok());
        ASSERT_TRUE(log_->Sync(*sequence).ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(log_->last_sequence(), static_cast<Sequence>(kThreads * kEach));
  size_t total = 0;
  for (int t = 0; t < kThreads; ++t) {
    total += Commands(*log_, {static_cast<uint8_t>(10 + t)}, 0).size();
  }
  EXPECT_EQ(total, static_cast<size_t>(kThreads * kEach));
}

}  // namespace
}  // namespace vecnest::storage
