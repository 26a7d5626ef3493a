#include "net/body_budget.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

constexpr uint64_t kLarge = 2 * BodyBudget::kFreeBytes;

TEST(BodyBudgetTest, HoldsWhatFits) {
  BodyBudget budget(3 * kLarge);
  BodyBudget::Share first(budget), second(budget);
  EXPECT_TRUE(first.TryGrow(kLarge));
  EXPECT_TRUE(second.TryGrow(2 * kLarge));
  EXPECT_TRUE(second.TryGrow(kLarge));  // it never shrinks
  EXPECT_FALSE(first.TryGrow(kLarge + 1));
  second.Release();
  EXPECT_TRUE(first.TryGrow(3 * kLarge));
  EXPECT_FALSE(second.TryGrow(kLarge));
}

TEST(BodyBudgetTest, AShareEndsWithItsBody) {
  BodyBudget budget(kLarge);
  for (int i = 0; i < 3; ++i) {
    BodyBudget::Share share(budget);
    EXPECT_TRUE(share.TryGrow(kLarge));
  }
}

TEST(BodyBudgetTest, SmallBodiesAlwaysFit) {
  BodyBudget budget(kLarge);
  BodyBudget::Share all(budget), small(budget);
  ASSERT_TRUE(all.TryGrow(kLarge));
  EXPECT_TRUE(small.TryGrow(BodyBudget::kFreeBytes));
  EXPECT_FALSE(small.TryGrow(BodyBudget::kFreeBytes + 1));
}

TEST(BodyBudgetTest, ThreadsNeverHoldMoreThanThereIs) {
  BodyBudget budget(2 * kLarge);
  std::atomic<int> holders = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        BodyBudget::Share share(budget);
        if (!share.TryGrow(kLarge)) continue;
        EXPECT_LE(++holders, 2);
        --holders;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace vecnest::net
