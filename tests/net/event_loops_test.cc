#include "net/event_loops.h"

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "boost/asio/co_spawn.hpp"
#include "boost/asio/detached.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/asio/this_coro.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "boost/asio/use_future.hpp"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kLong(60);

Response Numbered(int status) {
  Response response;
  response.status = status;
  return response;
}

// The threads before, in and after a call.
struct Threads {
  std::thread::id before;
  std::thread::id in;
  std::thread::id after;
  int status = 0;
};

asio::awaitable<Threads> Trace(EventLoops& loops, bool expect_long) {
  Threads threads;
  threads.before = std::this_thread::get_id();
  std::function<Response()> call = [&threads, expect_long] {
    threads.in = std::this_thread::get_id();
    if (expect_long) EventLoops::ExpectLong();
    return Numbered(207);
  };
  const Response response = co_await loops.Run(std::move(call));
  threads.after = std::this_thread::get_id();
  threads.status = response.status;
  co_return threads;
}

asio::awaitable<int> RunCallOf(EventLoops& loops, std::function<Response()> call) {
  const Response response = co_await loops.Run(std::move(call));
  co_return response.status;
}

// Enters and runs the call in a loop; its status.
std::future<int> Begin(EventLoops& loops, size_t loop, std::function<Response()> call) {
  EXPECT_TRUE(loops.TryEnter());
  return asio::co_spawn(loops.loop(loop), RunCallOf(loops, std::move(call)), asio::use_future);
}

TEST(NetEventLoopsTest, CallsRunWhereTheirRequestWasRead) {
  EventLoops loops(1, 4, 0);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(loops.TryEnter());
    auto traced = asio::co_spawn(loops.loop(0), Trace(loops, false), asio::use_future);
    const Threads threads = traced.get();
    EXPECT_EQ(threads.status, 207);
    EXPECT_EQ(threads.before, threads.in);
    EXPECT_NE(threads.in, std::this_thread::get_id());
  }
}

// How many of 200 short calls end with another leader.
int CountReplaced(EventLoops& loops, bool expect_long) {
  int replaced = 0;
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(loops.TryEnter());
    auto traced = asio::co_spawn(loops.loop(0), Trace(loops, expect_long), asio::use_future);
    const Threads threads = traced.get();
    EXPECT_EQ(threads.before, threads.in);
    replaced += threads.in != threads.after ? 1 : 0;
  }
  return replaced;
}

TEST(NetEventLoopsTest, WhoExpectsALongCallIsReplaced) {
  EventLoops loops(1, 8, 0);
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  // Who finds nobody asleep, as when the others are just starting, leads on when it is done.
  int replaced = 0;
  while (replaced <= 150 && std::chrono::steady_clock::now() < deadline) {
    replaced = CountReplaced(loops, true);
  }
  EXPECT_GT(replaced, 150);
  EXPECT_LT(CountReplaced(loops, false), 100);
}

TEST(NetEventLoopsTest, ToExpectLongCallsElsewhereChangesNothing) {
  EventLoops::ExpectLong();
  EventLoops loops(1, 1, 0);
  auto told = asio::post(loops.loop(0), asio::use_future([] { EventLoops::ExpectLong(); }));
  told.get();
  EXPECT_EQ(Begin(loops, 0, [] { return Numbered(201); }).get(), 201);
}

// The loop would stand still for ever if the waiting leader were not replaced.
TEST(NetEventLoopsTest, LongCallsDoNotHoldTheirLoop) {
  EventLoops loops(1, 3, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // whoever watches sleeps by now
  std::promise<void> first;
  std::promise<void> second;
  auto third = Begin(loops, 0, [&first] {
    first.get_future().wait();
    return Numbered(203);
  });
  auto other = Begin(loops, 0, [&first, &second] {
    second.get_future().wait();
    first.set_value();
    return Numbered(202);
  });
  auto last = Begin(loops, 0, [&second] {
    second.set_value();
    return Numbered(201);
  });
  ASSERT_EQ(last.wait_for(kLong), std::future_status::ready);
  EXPECT_EQ(last.get(), 201);
  EXPECT_EQ(other.get(), 202);
  EXPECT_EQ(third.get(), 203);
}

TEST(NetEventLoopsTest, TakeThreadsAndQueueAndNoMore) {
  EventLoops loops(1, 2, 3);
  std::promise<void> open;
  const std::shared_future<void> opened = open.get_future().share();
  std::vector<std::future<int>> calls;
  for (int i = 0; i < 5; ++i) {
    calls.push_back(Begin(loops, 0, [opened] {
      opened.wait();
      return Numbered(200);
    }));
  }
  EXPECT_FALSE(loops.TryEnter());
  open.set_value();
  for (auto& call : calls) EXPECT_EQ(call.get(), 200);
  EXPECT_TRUE(loops.TryEnter());
}

TEST(NetEventLoopsTest, NoMoreCallsRunAtATimeThanThreads) {
  EventLoops loops(2, 3, 100);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::vector<std::future<int>> calls;
  for (int i = 0; i < 60; ++i) {
    calls.push_back(Begin(loops, static_cast<size_t>(i % 2), [&running, &most] {
      EventLoops::ExpectLong();
      const int now = ++running;
      int before = most;
      while (now > before && !most.compare_exchange_weak(before, now)) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      --running;
      return Numbered(200);
    }));
  }
  for (auto& call : calls) EXPECT_EQ(call.get(), 200);
  EXPECT_LE(most, 3);
  EXPECT_GT(most, 1);
}

TEST(NetEventLoopsTest, ExceptionsBecomeAnswers) {
  EventLoops loops(1, 1, 0);
  EXPECT_EQ(Begin(loops, 0, []() -> Response { throw std::runtime_error("torn"); }).get(), 500);
  EXPECT_EQ(Begin(loops, 0, [] { return Numbered(200); }).get(), 200);
}

TEST(NetEventLoopsTest, TheirEndWaitsForCallsThatRun) {
  std::atomic<bool> ended = false;
  std::promise<void> began;
  {
    EventLoops loops(1, 1, 1);
    auto running = Begin(loops, 0, [&ended, &began] {
      began.set_value();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ended = true;
      return Numbered(200);
    });
    auto waiting = Begin(loops, 0, [] { return Numbered(200); });
    began.get_future().wait();
  }
  EXPECT_TRUE(ended);
}

// What belongs to a loop alone, without a lock.
struct OfLoop {
  int calls = 0;
  int ended = 0;
};

asio::awaitable<void> CallOften(EventLoops& loops, OfLoop& own, int number,
                                std::promise<void>& done, int all) {
  constexpr int kCalls = 100;
  for (int i = 0; i < kCalls; ++i) {
    while (!loops.TryEnter()) {
      auto executor = co_await asio::this_coro::executor;
      co_await asio::post(executor, asio::use_awaitable);
    }
    const int kind = (number * 31 + i * 7) % 100;
    std::function<Response()> call = [kind] {
      if (kind < 20) EventLoops::ExpectLong();
      if (kind % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      return Numbered(200);
    };
    const Response response = co_await loops.Run(std::move(call));
    own.calls += response.status == 200 ? 1 : 0;
  }
  if (++own.ended == all) done.set_value();
}

TEST(NetEventLoopsTest, OneThreadAtATimeIsInALoop) {
  constexpr int kCoroutines = 20;
  std::array<OfLoop, 2> own;
  std::array<std::promise<void>, 2> done;
  EventLoops loops(2, 4, 8);
  for (int i = 0; i < kCoroutines; ++i) {
    for (size_t loop = 0; loop < 2; ++loop) {
      asio::co_spawn(loops.loop(loop), CallOften(loops, own[loop], i, done[loop], kCoroutines),
                     asio::detached);
    }
  }
  for (auto& each : done) {
    ASSERT_EQ(each.get_future().wait_for(kLong), std::future_status::ready);
  }
  loops.Stop();
  for (const OfLoop& each : own) EXPECT_EQ(each.calls, kCoroutines * 100);
}

// What is held owns a part of the loop, as connections do.
asio::awaitable<void> CountWhenQuiet(EventLoops& loops, std::atomic<int>& resumed) {
  const asio::steady_timer of_loop(loops.loop(0));
  co_await EventLoops::AwaitQuiet();
  ++resumed;
}

// Runs in the first loop, whatever else is ready.
void InLoop(EventLoops& loops, std::function<void()> run) {
  asio::post(loops.loop(0), asio::use_future(std::move(run))).get();
}

void AwaitQuietIn(EventLoops& loops, std::atomic<int>& resumed) {
  asio::co_spawn(loops.loop(0), CountWhenQuiet(loops, resumed), asio::detached);
}

// Ready again and again, until told to stop.
void StayBusy(EventLoops& loops, const std::atomic<bool>& busy) {
  asio::post(loops.loop(0), [&loops, &busy] {
    if (busy) StayBusy(loops, busy);
  });
}

bool ReachesSoon(const std::atomic<int>& count, int expected) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (count != expected && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return count == expected;
}

// When `held` of a loop await quiet and something else is ready: how many resume before that.
int CountResumedBefore(int held) {
  std::atomic<int> resumed = 0;
  std::atomic<int> before = -1;
  EventLoops loops(1, 2, 0);
  InLoop(loops, [&loops, &resumed, &before, held] {
    for (int i = 0; i < held; ++i) AwaitQuietIn(loops, resumed);
    asio::post(loops.loop(0), [&resumed, &before] { before = resumed.load(); });
  });
  EXPECT_TRUE(ReachesSoon(resumed, held));
  InLoop(loops, [] {});
  return before;
}

// A thread that does not get on meanwhile holds them no longer, either.
TEST(NetEventLoopsTest, QuietComesAfterWhatIsReady) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  int before = 3;
  while (before != 0 && std::chrono::steady_clock::now() < deadline) {
    before = CountResumedBefore(3);
  }
  EXPECT_EQ(before, 0);
}

TEST(NetEventLoopsTest, FourAreNotHeldThoughMoreIsReady) { EXPECT_EQ(CountResumedBefore(4), 4); }

TEST(NetEventLoopsTest, NobodyIsHeldForLongThoughMoreIsReady) {
  std::atomic<bool> busy = true;
  std::atomic<int> resumed = 0;
  EventLoops loops(1, 2, 0);
  StayBusy(loops, busy);
  AwaitQuietIn(loops, resumed);
  EXPECT_TRUE(ReachesSoon(resumed, 1));
  busy = false;
}

// The sanitizers see what is left behind.
TEST(NetEventLoopsTest, WhoIsHeldIsDestroyedWithTheLoop) {
  std::atomic<int> resumed = 0;
  EventLoops loops(1, 2, 0);
  InLoop(loops, [&loops, &resumed] {
    AwaitQuietIn(loops, resumed);
    loops.loop(0).stop();
  });
  loops.Stop();
  EXPECT_EQ(resumed, 0);
}

// The answers that wait don't wait for a call that begins meanwhile.
TEST(NetEventLoopsTest, QuietComesThoughACallTakesLong) {
  std::atomic<int> resumed = 0;
  std::promise<void> open;
  std::promise<std::future<int>> called;
  EventLoops loops(1, 2, 0);
  InLoop(loops, [&] {
    AwaitQuietIn(loops, resumed);
    asio::post(loops.loop(0), [&] {
      called.set_value(Begin(loops, 0, [&open] {
        open.get_future().wait();
        return Numbered(200);
      }));
    });
  });
  EXPECT_TRUE(ReachesSoon(resumed, 1));
  open.set_value();
  EXPECT_EQ(called.get_future().get().get(), 200);
}

}  // namespace
}  // namespace vecnest::net
