#include "net/short_turns.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

TEST(NetShortTurnsTest, LeaveTheKindAndNicenessOfTheThread) {
  std::thread([] {
    ASSERT_EQ(sched_getscheduler(0), SCHED_OTHER);
    const auto own = static_cast<id_t>(gettid());
    ASSERT_EQ(setpriority(PRIO_PROCESS, own, 7), 0);
    const bool taken = TakeShortTurns();
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
    EXPECT_EQ(getpriority(PRIO_PROCESS, own), 7);
    if (!taken) GTEST_SKIP() << "this kernel has no such setting";
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
