#include "embedder/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>

namespace vecnest::embedder {
namespace {

TEST(WorkerPoolTest, RunsEveryItemOnce) {
  for (const int threads : {1, 2, 5}) {
    WorkerPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const size_t count : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> seen(count);
      pool.ForEach(count, [&](size_t i) { ++seen[i]; });
      for (const auto& times : seen) EXPECT_EQ(times, 1);
    }
  }
}

TEST(WorkerPoolTest, ManyCallersAtOnce) {
  WorkerPool pool(3);
  std::atomic<size_t> total = 0;
  constexpr size_t kCallers = 6;
  std::vector<std::thread> callers;
  callers.reserve(kCallers);
  for (size_t c = 0; c < kCallers; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        std::atomic<size_t> mine = 0;
        pool.ForEach(17, [&](size_t) { ++mine; });
        EXPECT_EQ(mine, 17u);
        total += mine;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, kCallers * 100 * 17);
}

}  // namespace
}  // namespace vecnest::embedder
