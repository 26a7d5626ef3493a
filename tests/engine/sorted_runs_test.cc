#include "engine/payload_index/sorted_runs.h"

#include <random>
#include <set>

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using Pairs = std::set<std::pair<int64_t, PointNumber>>;

Pairs Held(const SortedRuns& runs) {
  Pairs pairs;
  runs.ForEach([&](int64_t value, PointNumber number) {
    EXPECT_TRUE(pairs.empty() || *pairs.rbegin() < std::pair(value, number));
    pairs.emplace(value, number);
  });
  return pairs;
}

void ExpectInterval(const SortedRuns& runs, const Pairs& pairs, int64_t low, int64_t high) {
  const auto below = [&](int64_t value) { return value < low; };
  const auto above = [&](int64_t value) { return value > high; };
  Roaring found;
  runs.Collect({below, above}, found);
  Roaring expected;
  for (const auto& [value, number] : pairs) {
    if (!below(value) && !above(value)) expected.add(number);
  }
  ASSERT_TRUE(found == expected);
  ASSERT_GE(runs.Estimate({below, above}), expected.cardinality());
  Pairs visited;
  runs.ForEach(low, high,
               [&](int64_t value, PointNumber number) { visited.emplace(value, number); });
  ASSERT_EQ(visited, Pairs(pairs.lower_bound({low, 0}), pairs.upper_bound({high, kNoNumber})));
  ASSERT_GE(runs.Count(low, high), visited.size());
}

TEST(SortedRunsTest, HoldsPairsThroughAnyHistory) {
  std::mt19937 random(11);
  SortedRuns runs;
  Pairs expected;
  for (int step = 0; step < 30'000; ++step) {
    const int64_t value = static_cast<int64_t>(random() % 200) - 100;
    const PointNumber number = random() % 300;
    if (random() % 3 == 0) {
      runs.Remove(value, number);
      expected.erase({value, number});
    } else {
      runs.Add(value, number);
      expected.emplace(value, number);
    }
    if (step % 5000 == 4999) {
      Roaring gone;
      gone.addRange(random() % 300, 300);
      runs.RemoveAll(gone);
      std::erase_if(expected, [&](const auto& pair) { return gone.contains(pair.second); });
    }
    if (step % 500 != 0) continue;
    ASSERT_EQ(Held(runs), expected);
    const int64_t low = static_cast<int64_t>(random() % 220) - 110;
    ExpectInterval(runs, expected, low, low + static_cast<int64_t>(random() % 60));
    ByteWriter writer;
    runs.Encode(writer);
    const std::string bytes = writer.Take();
    ByteReader reader(bytes, "runs");
    ASSERT_TRUE(SortedRuns::Decode(reader) == runs);
    ASSERT_TRUE(reader.Finish().ok());
  }
}

TEST(SortedRunsTest, PairsOutOfOrderAreRefused) {
  ByteWriter writer;
  writer.Number(uint32_t{2});
  for (const int64_t value : {int64_t{2}, int64_t{1}}) {
    writer.Number(value);
    writer.Number(PointNumber{0});
  }
  const std::string bytes = writer.Take();
  ByteReader reader(bytes, "runs");
  SortedRuns::Decode(reader);
  EXPECT_FALSE(reader.Finish().ok());
}

}  // namespace
}  // namespace vecnest::engine
