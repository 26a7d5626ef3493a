#include "engine/write_delay.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

constexpr size_t kThreshold = 10000;

TEST(WriteDelayTest, NothingWaitsWhileGraphsKeepUp) {
  EXPECT_EQ(WriteDelay(1000, 0, kThreshold), absl::ZeroDuration());
  EXPECT_EQ(WriteDelay(1000, kThreshold, kThreshold), absl::ZeroDuration());
  EXPECT_EQ(WriteDelay(1000, 8000, 64), absl::ZeroDuration()) << "too few to matter";
}

TEST(WriteDelayTest, GrowsWithTheBacklogAndTheWrite) {
  absl::Duration before = absl::ZeroDuration();
  for (size_t thresholds = 2; thresholds < 8; ++thresholds) {
    const absl::Duration delay = WriteDelay(10, thresholds * kThreshold, kThreshold);
    EXPECT_GE(delay, 2 * before);
    EXPECT_GT(delay, absl::ZeroDuration());
    EXPECT_NEAR(absl::ToDoubleSeconds(WriteDelay(20, thresholds * kThreshold, kThreshold)),
                2 * absl::ToDoubleSeconds(delay), 1e-8);
    before = delay;
  }
}

TEST(WriteDelayTest, IsBounded) {
  EXPECT_EQ(WriteDelay(1000, ~size_t{0}, 1), kLongestWriteDelay);
  EXPECT_EQ(WriteDelay(~size_t{0}, 3 * kThreshold, kThreshold), kLongestWriteDelay);
  EXPECT_EQ(WriteDelay(0, 100 * kThreshold, kThreshold), absl::ZeroDuration());
}

// The most that `writers` leave without a graph in an hour, when each writes 500 vectors in 25 ms
// and then waits as it is told.
double LargestBacklog(double built_per_second, double writers) {
  double unsealed = 0;
  double largest = 0;
  for (double seconds = 0; seconds < 3600;) {
    const double took =
        0.025 + absl::ToDoubleSeconds(WriteDelay(500, static_cast<size_t>(unsealed), kThreshold));
    unsealed = std::max(0.0, unsealed + 500 * writers - built_per_second * took);
    largest = std::max(largest, unsealed);
    seconds += took;
  }
  return largest;
}

TEST(WriteDelayTest, HoldsTheBacklogOfAnEndlessImport) {
  EXPECT_LE(LargestBacklog(10000, 1), 4.0 * kThreshold);
  EXPECT_LE(LargestBacklog(3000, 1), 5.0 * kThreshold);
  EXPECT_LE(LargestBacklog(3000, 8), 8.0 * kThreshold);
  EXPECT_LE(LargestBacklog(300, 1), 8.0 * kThreshold);
}

}  // namespace
}  // namespace vecnest::engine
