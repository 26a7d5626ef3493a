#include "embedder/batch_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace vecnest::embedder {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Le;

// A network whose only hidden state is the ids themselves; it keeps what it was given, and can be
// held up in its first pass.
class FakeNetwork {
 public:
  BatchScheduler::Forward Function() {
    return [this](const TokenSpan& tokens, Architecture::HiddenStateSink sink) {
      size_t number = 0;
      {
        const absl::MutexLock lock(&mutex_);
        number = passes_.size();
        std::vector<size_t> lengths;
        for (size_t i = 0; i + 1 < tokens.offsets.size(); ++i) {
          lengths.push_back(tokens.offsets[i + 1] - tokens.offsets[i]);
        }
        passes_.push_back(lengths);
      }
      if (number == 0 && hold_first_) {
        entered_.Notify();
        released_.WaitForNotification();
      }
      if (absl::c_linear_search(tokens.ids, kPoison)) return absl::InternalError("poisoned");
      const std::vector<float> rows(tokens.ids.begin(), tokens.ids.end());
      sink(0, rows.data());
      return absl::OkStatus();
    };
  }

  static constexpr int32_t kPoison = -1;

  void HoldFirstPass() { hold_first_ = true; }
  void WaitUntilHeld() { entered_.WaitForNotification(); }
  void Release() { released_.Notify(); }
  // The lengths of each pass's sequences.
  std::vector<std::vector<size_t>> passes() const {
    const absl::MutexLock lock(&mutex_);
    return passes_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<std::vector<size_t>> passes_ ABSL_GUARDED_BY(mutex_);
  bool hold_first_ = false;
  absl::Notification entered_;
  absl::Notification released_;
};

// Sequences of these lengths, of ids that all are `id`.
TokenBatch Batch(const std::vector<size_t>& lengths, int32_t id = 1) {
  TokenBatch batch;
  for (const size_t length : lengths) {
    batch.ids.insert(batch.ids.end(), length, id);
    batch.offsets.push_back(batch.ids.size());
  }
  return batch;
}

void Ignore(size_t, size_t, const float*) {}

absl::Status RunIgnored(BatchScheduler& scheduler, const TokenBatch& batch,
                        const CallControl& control = {}) {
  return scheduler.Run(batch, control, Ignore);
}

// A call on a thread of its own.
class Caller {
 public:
  Caller(BatchScheduler& scheduler, TokenBatch batch, CallControl control = {})
      : batch_(std::move(batch)),
        control_(std::move(control)),
        thread_([this, &scheduler] { status_ = RunIgnored(scheduler, batch_, control_); }) {}
  ~Caller() {
    if (thread_.joinable()) thread_.join();
  }
  absl::Status Wait() {
    thread_.join();
    return status_;
  }

 private:
  TokenBatch batch_;
  CallControl control_;
  absl::Status status_;
  std::thread thread_;
};

void AwaitWaiting(const BatchScheduler& scheduler, uint64_t calls) {
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (scheduler.stats().waiting < calls) {
    if (absl::Now() > deadline) {
      ADD_FAILURE() << scheduler.stats().waiting << " calls wait, expected " << calls;
      return;
    }
    absl::SleepFor(absl::Milliseconds(1));
  }
}

TEST(BatchSchedulerTest, EverySequenceComesOnceWithItsOwnStates) {
  for (const int threads : {1, 2, 4}) {
    FakeNetwork network;
    BatchScheduler scheduler({.threads = threads, .pass_tokens = 40}, 1, network.Function());
    std::vector<std::thread> callers;
    std::atomic<int> wrong = 0;
    for (int c = 0; c < 6; ++c) {
      callers.emplace_back([&, c] {
        for (int round = 0; round < 30; ++round) {
          TokenBatch batch;
          for (int i = 0; i < 25; ++i) {
            const int length = 1 + (i * 7 + c + round) % 13;
            for (int t = 0; t < length; ++t) batch.ids.push_back(c * 10'000 + i * 100 + t);
            batch.offsets.push_back(batch.ids.size());
          }
          std::vector<std::atomic<int>> seen(batch.size());
          const auto check = [&](size_t index, size_t, const float* rows) {
            ++seen[index];
            for (size_t t = batch.offsets[index]; t < batch.offsets[index + 1]; ++t) {
              if (rows[t - batch.offsets[index]] != static_cast<float>(batch.ids[t])) ++wrong;
            }
          };
          if (!scheduler.Run(batch, {}, check).ok()) ++wrong;
          for (const auto& times : seen) wrong += times != 1;
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(scheduler.stats().sequences, 6U * 30 * 25);
  }
}

TEST(BatchSchedulerTest, NoPassIsLargerThanTheBudgetButForOneLongSequence) {
  FakeNetwork network;
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 10}, 1, network.Function());
  ASSERT_TRUE(RunIgnored(scheduler, Batch({3, 25, 4, 4, 2, 6})).ok());
  EXPECT_THAT(network.passes(),
              ElementsAre(ElementsAre(25), ElementsAre(6, 4), ElementsAre(4, 3, 2)));
}

TEST(BatchSchedulerTest, ThreadsShareASmallCall) {
  FakeNetwork network;
  BatchScheduler scheduler({.threads = 2, .pass_tokens = 1000}, 1, network.Function());
  ASSERT_TRUE(RunIgnored(scheduler, Batch({10, 10, 10, 10})).ok());
  for (const auto& lengths : network.passes()) EXPECT_THAT(lengths.size(), Le(2U));
}

TEST(BatchSchedulerTest, CallsThatWaitShareTheNextPass) {
  FakeNetwork network;
  network.HoldFirstPass();
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 100}, 1, network.Function());
  Caller first(scheduler, Batch({9}));
  network.WaitUntilHeld();
  std::vector<std::unique_ptr<Caller>> others;
  for (int i = 0; i < 5; ++i) others.push_back(std::make_unique<Caller>(scheduler, Batch({10})));
  AwaitWaiting(scheduler, 5);
  network.Release();
  EXPECT_TRUE(first.Wait().ok());
  for (const auto& other : others) EXPECT_TRUE(other->Wait().ok());
  EXPECT_THAT(network.passes(), ElementsAre(ElementsAre(9), ElementsAre(10, 10, 10, 10, 10)));
  EXPECT_EQ(scheduler.stats().passes, 2U);
  EXPECT_EQ(scheduler.stats().tokens, 59U);
}

TEST(BatchSchedulerTest, UrgentCallsDoNotWaitForBulkOnes) {
  FakeNetwork network;
  network.HoldFirstPass();
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 10}, 1, network.Function());
  Caller bulk(scheduler, Batch(std::vector<size_t>(50, 10)));
  network.WaitUntilHeld();
  CallControl urgent;
  urgent.priority = Priority::kUrgent;
  // Returns although the bulk pass is still held.
  EXPECT_TRUE(RunIgnored(scheduler, Batch({3}), urgent).ok());
  network.Release();
  EXPECT_TRUE(bulk.Wait().ok());
  EXPECT_THAT(network.passes()[1], ElementsAre(3));
}

TEST(BatchSchedulerTest, CallsTakeTurns) {
  FakeNetwork network;
  network.HoldFirstPass();
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 10}, 1, network.Function());
  Caller large(scheduler, Batch(std::vector<size_t>(50, 10)));
  network.WaitUntilHeld();
  Caller small(scheduler, Batch({7}));
  AwaitWaiting(scheduler, 2);
  network.Release();
  EXPECT_TRUE(small.Wait().ok());
  EXPECT_TRUE(large.Wait().ok());
  const auto passes = network.passes();
  const auto turn = std::find(passes.begin(), passes.end(), std::vector<size_t>{7});
  EXPECT_THAT(turn - passes.begin(), Le(3));
}

TEST(BatchSchedulerTest, ACallThatDoesNotFitIsTheFirstOfTheNextPass) {
  FakeNetwork network;
  network.HoldFirstPass();
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 30}, 1, network.Function());
  Caller first(scheduler, Batch({9}));
  network.WaitUntilHeld();
  std::vector<std::unique_ptr<Caller>> others;
  for (const size_t length : {10, 25, 10, 10, 10}) {
    others.push_back(std::make_unique<Caller>(scheduler, Batch({length})));
    AwaitWaiting(scheduler, others.size());
  }
  network.Release();
  EXPECT_TRUE(first.Wait().ok());
  for (const auto& other : others) EXPECT_TRUE(other->Wait().ok());
  EXPECT_THAT(network.passes(), ElementsAre(ElementsAre(9), ElementsAre(10), ElementsAre(25),
                                            ElementsAre(10, 10, 10)));
}

TEST(BatchSchedulerTest, CancelledAndLateWorkIsNotDone) {
  FakeNetwork network;
  network.HoldFirstPass();
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 100}, 1, network.Function());
  Caller first(scheduler, Batch({9}));
  network.WaitUntilHeld();
  std::stop_source source;
  CallControl stoppable;
  stoppable.stop = source.get_token();
  CallControl hasty;
  hasty.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  Caller cancelled(scheduler, Batch({11, 12}), stoppable);
  Caller late(scheduler, Batch({13}), hasty);
  // Both return although nothing moves.
  EXPECT_EQ(late.Wait().code(), absl::StatusCode::kDeadlineExceeded);
  source.request_stop();
  EXPECT_EQ(cancelled.Wait().code(), absl::StatusCode::kCancelled);
  network.Release();
  EXPECT_TRUE(first.Wait().ok());
  EXPECT_THAT(network.passes(), ElementsAre(ElementsAre(9)));
  EXPECT_EQ(scheduler.stats().dropped, 3U);
  // A call that comes too late does not begin.
  EXPECT_EQ(RunIgnored(scheduler, Batch({5}), hasty).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(network.passes().size(), 1U);
}

TEST(BatchSchedulerTest, TooManyWaitingCallsAreRefused) {
  FakeNetwork network;
  network.HoldFirstPass();
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 100, .waiting_calls = 2}, 1,
                           network.Function());
  Caller first(scheduler, Batch({9}));
  network.WaitUntilHeld();
  Caller second(scheduler, Batch({9}));
  Caller third(scheduler, Batch({9}));
  AwaitWaiting(scheduler, 2);
  const absl::Status refused = RunIgnored(scheduler, Batch({9}));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("try again"));
  EXPECT_EQ(scheduler.stats().refused, 1U);
  network.Release();
  EXPECT_TRUE(second.Wait().ok());
  EXPECT_TRUE(third.Wait().ok());
  EXPECT_TRUE(RunIgnored(scheduler, Batch({9})).ok());
}

TEST(BatchSchedulerTest, AFailedPassFailsItsCallsOnly) {
  FakeNetwork network;
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 10}, 1, network.Function());
  EXPECT_EQ(RunIgnored(scheduler, Batch(std::vector<size_t>(5, 10), FakeNetwork::kPoison)).code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(network.passes().size(), 1U);  // the rest was not tried
  EXPECT_TRUE(RunIgnored(scheduler, Batch({4})).ok());
}

TEST(BatchSchedulerTest, StrangersDoNotShareAnError) {
  FakeNetwork network;
  network.HoldFirstPass();
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 100}, 1, network.Function());
  Caller first(scheduler, Batch({9}));
  network.WaitUntilHeld();
  Caller before(scheduler, Batch({4, 4}));
  AwaitWaiting(scheduler, 1);
  Caller poisoned(scheduler, Batch({5, 5}, FakeNetwork::kPoison));
  AwaitWaiting(scheduler, 2);
  Caller after(scheduler, Batch({6}));
  AwaitWaiting(scheduler, 3);
  network.Release();
  EXPECT_TRUE(first.Wait().ok());
  EXPECT_EQ(poisoned.Wait().code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(before.Wait().ok());
  EXPECT_TRUE(after.Wait().ok());
  EXPECT_THAT(network.passes(), ElementsAre(ElementsAre(9), ElementsAre(4, 4, 5, 5, 6),
                                            ElementsAre(4, 4), ElementsAre(5, 5), ElementsAre(6)));
  EXPECT_TRUE(RunIgnored(scheduler, Batch({3})).ok());
}

TEST(BatchSchedulerTest, APassHasABoundedNumberOfSequencesWithoutTokens) {
  FakeNetwork network;
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 10}, 1, network.Function());
  ASSERT_TRUE(RunIgnored(scheduler, Batch(std::vector<size_t>(25, 0))).ok());
  const auto passes = network.passes();
  EXPECT_EQ(passes.size(), 3U);
  for (const auto& lengths : passes) EXPECT_THAT(lengths.size(), Le(10U));
}

TEST(BatchSchedulerTest, SequencesWithoutTokensComeToo) {
  FakeNetwork network;
  BatchScheduler scheduler({.threads = 1, .pass_tokens = 10}, 1, network.Function());
  for (const std::vector<size_t>& lengths : {std::vector<size_t>{0, 0}, {0, 3, 0}}) {
    std::vector<int> seen(lengths.size());
    ASSERT_TRUE(
        scheduler
            .Run(Batch(lengths), {}, [&](size_t index, size_t, const float*) { ++seen[index]; })
            .ok());
    EXPECT_THAT(seen, ::testing::Each(1));
  }
}

TEST(BatchSchedulerTest, NothingToDoIsDone) {
  FakeNetwork network;
  BatchScheduler scheduler({.threads = 2}, 1, network.Function());
  EXPECT_TRUE(RunIgnored(scheduler, TokenBatch{}).ok());
  EXPECT_TRUE(network.passes().empty());
}

}  // namespace
}  // namespace vecnest::embedder
