#include "embedder/team.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace vecnest::embedder {
namespace {

// Plain numbers: the sanitizer sees whether two members share one.
struct Tally {
  std::vector<int> pieces;
  std::array<int, Team::kMostMembers> members = {};

  explicit Tally(size_t count) : pieces(count) {}
  void Run(Team* team) {
    team->Run(pieces.size(), [this](size_t piece, size_t member) {
      ++pieces[piece];
      ++members.at(member);
    });
  }
};

TEST(TeamTest, EveryPieceIsRunOnce) {
  for (const size_t threads : {2, 3, 9}) {
    Team team(threads);
    EXPECT_EQ(team.members(), std::min(threads, Team::kMostMembers));
    const Team::Pass pass(&team);
    ASSERT_EQ(pass.team(), &team);
    for (size_t count = 1; count < 300; ++count) {
      Tally tally(count % 7 + 1);
      tally.Run(&team);
      for (const int times : tally.pieces) ASSERT_EQ(times, 1);
    }
  }
}

TEST(TeamTest, ResultsOfHelpersAreSeen) {
  Team team(3);
  const Team::Pass pass(&team);
  std::array<uint64_t, 3> sums = {};
  for (uint64_t round = 0; round < 2000; ++round) {
    const uint64_t before = sums[0] + sums[1] + sums[2];
    team.Run(3, [&](size_t piece, size_t) { sums[piece] += before % 7 + round; });
    ASSERT_EQ(sums[0] + sums[1] + sums[2], before + 3 * (before % 7 + round));
  }
}

TEST(TeamTest, HelpersTakePieces) {
  Team team(2);
  bool helped = false;
  // On a machine that is busy they may be late for a while.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!helped && std::chrono::steady_clock::now() < end) {
    const Team::Pass pass(&team);
    if (pass.team() == nullptr) continue;
    std::array<bool, 2> took = {};
    team.Run(2, [&](size_t, size_t member) {
      took.at(member) = true;
      // Without giving the core away, as a product does not.
      const auto done = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
      while (std::chrono::steady_clock::now() < done) {
      }
    });
    helped = took[1];
  }
  EXPECT_TRUE(helped);
}

TEST(TeamTest, ATeamOfOneHelpsNobody) {
  Team team(1);
  EXPECT_EQ(Team::Pass(&team).team(), nullptr);
  EXPECT_EQ(Team::Pass(nullptr).team(), nullptr);
}

TEST(TeamTest, OnlyALonePassIsHelped) {
  Team team(2), other(2);
  {
    const Team::Pass first(&team);
    EXPECT_EQ(first.team(), &team);
    EXPECT_TRUE(team.IsFree());
    const Team::Pass second(&other);
    EXPECT_EQ(second.team(), nullptr);
    EXPECT_FALSE(team.IsFree());
  }
  EXPECT_EQ(Team::Pass(&other).team(), &other);
}

TEST(TeamTest, HelpersWithoutACoreOfTheirOwnAreLeftAlone) {
  cpu_set_t all, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  {
    Team team(2);  // its helper inherits the one core
    int helped = 0, alone = 0;
    for (int i = 0; i < 200; ++i) {
      const Team::Pass pass(&team);
      ++(pass.team() == nullptr ? alone : helped);
      if (pass.team() == nullptr) continue;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      Tally tally(2);
      tally.Run(&team);
    }
    EXPECT_GT(alone, 150);
    EXPECT_GT(helped, 3);  // it looks again
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
}

TEST(TeamTest, PassesOfManyThreads) {
  Team team(3);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const Team::Pass pass(&team);
        if (pass.team() == nullptr) continue;
        for (size_t count = 1; count < 6; ++count) {
          Tally tally(count);
          tally.Run(&team);
          for (const int times : tally.pieces) ASSERT_EQ(times, 1);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(TeamTest, StartsAndStopsAtAnyMoment) {
  for (int i = 0; i < 300; ++i) {
    Team team(1 + i % 4);
    const Team::Pass pass(&team);
    for (int round = 0; pass.team() != nullptr && round < i % 5; ++round) {
      Tally tally(3);
      tally.Run(&team);
    }
  }
}

}  // namespace
}  // namespace vecnest::embedder
