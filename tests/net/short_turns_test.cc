#include "net/short_turns.h"

#include <sched.h>

#include <thread>

#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

TEST(NetShortTurnsTest, LeaveTheKindAndNicenessOfTheThread) {
  std::thread([] {
    ASSERT_EQ(sched_getscheduler(0), SCHED_OTHER);
    if (!TakeShortTurns()) GTEST_SKIP() << "this kernel has no such setting";
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
    timespec turn = {};
    ASSERT_EQ(sched_rr_get_interval(0, &turn), 0);
    EXPECT_EQ(turn.tv_sec, 0);
    EXPECT_LE(turn.tv_nsec, 4'000'000);
  }).join();
}

TEST(NetShortTurnsTest, AreNotForThreadsOfOtherKinds) {
  std::thread([] {
    const sched_param none = {};
    ASSERT_EQ(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    EXPECT_FALSE(TakeShortTurns());
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
  }).join();
}

}  // namespace
}  // namespace vecnest::net
