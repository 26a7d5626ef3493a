#include "net/worker_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "boost/asio/co_spawn.hpp"
#include "boost/asio/detached.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/use_future.hpp"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

namespace asio = boost::asio;

TEST(NetWorkerPoolTest, TakesThreadsAndQueueAndNoMore) {
  WorkerPool pool(2, 3, 0);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(pool.TryEnter());
  EXPECT_FALSE(pool.TryEnter());
}

TEST(NetWorkerPoolTest, RunsOffTheCallersThreadAndFreesThePlace) {
  WorkerPool pool(1, 0, 0);
  asio::io_context io;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool.TryEnter());
    std::thread::id ran;
    std::function<Response()> call = [&ran] {
      ran = std::this_thread::get_id();
      Response response;
      response.status = 207;
      return response;
    };
    auto answer = asio::co_spawn(io, pool.Run(std::move(call)), asio::use_future);
    io.restart();
    io.run();
    EXPECT_EQ(answer.get().status, 207);
    EXPECT_NE(ran, std::this_thread::get_id());
  }
  EXPECT_TRUE(pool.TryEnter());
}

TEST(NetWorkerPoolTest, ThreadsAreAsNiceAsAsked) {
  const int own = getpriority(PRIO_PROCESS, 0);
  for (const int nice : {0, 3}) {
    WorkerPool pool(1, 0, nice);
    asio::io_context io;
    int ran_at = -100;
    std::function<Response()> call = [&ran_at] {
      ran_at = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
      return Response();
    };
    ASSERT_TRUE(pool.TryEnter());
    auto answer = asio::co_spawn(io, pool.Run(std::move(call)), asio::use_future);
    io.run();
    answer.get();
    EXPECT_EQ(ran_at, std::min(own + nice, 19));
  }
}

TEST(NetWorkerPoolTest, CallsRunAtTheSameTime) {
  WorkerPool pool(2, 0, 0);
  asio::io_context io;
  std::promise<void> first;
  std::promise<void> second;
  // Each waits for the other.
  std::function<Response()> one = [&] {
    first.set_value();
    second.get_future().wait();
    return Response();
  };
  std::function<Response()> two = [&] {
    second.set_value();
    first.get_future().wait();
    return Response();
  };
  ASSERT_TRUE(pool.TryEnter());
  ASSERT_TRUE(pool.TryEnter());
  auto a = asio::co_spawn(io, pool.Run(std::move(one)), asio::use_future);
  auto b = asio::co_spawn(io, pool.Run(std::move(two)), asio::use_future);
  io.run();
  EXPECT_EQ(a.get().status, 200);
  EXPECT_EQ(b.get().status, 200);
}

TEST(NetWorkerPoolTest, CallsThatWaitRunInTheirOrder) {
  WorkerPool pool(1, 3, 0);
  asio::io_context io;
  std::vector<int> ran;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(pool.TryEnter());
    std::function<Response()> call = [&ran, i] {
      ran.push_back(i);
      return Response();
    };
    asio::co_spawn(io, pool.Run(std::move(call)), asio::detached);
  }
  io.run();
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3}));
}

TEST(NetWorkerPoolTest, ItsEndWaitsForCallsThatWereTaken) {
  asio::io_context io;
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(1, 3, 0);
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(pool.TryEnter());
      std::function<Response()> call = [&ran] {
        ++ran;
        return Response();
      };
      asio::co_spawn(io, pool.Run(std::move(call)), asio::detached);
    }
    io.poll();
  }
  EXPECT_EQ(ran, 4);
}

}  // namespace
}  // namespace vecnest::net
