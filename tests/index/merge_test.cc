#include "index/merge.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

std::vector<uint64_t> Random(size_t count, uint64_t below, std::mt19937_64& random) {
  std::vector<uint64_t> list(count);
  for (uint64_t& entry : list) entry = random() % below;
  std::sort(list.begin(), list.end());
  return list;
}

TEST(MergeTest, GivesWhatTheStandardLibraryGives) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> merged;
  for (const uint64_t below : {uint64_t{3}, uint64_t{100}, uint64_t{1} << 63U}) {
    for (const size_t a_size : {0U, 1U, 2U, 7U, 40U, 200U}) {
      for (const size_t b_size : {0U, 1U, 3U, 8U, 41U, 90U}) {
        const std::vector<uint64_t> a = Random(a_size, below, random);
        const std::vector<uint64_t> b = Random(b_size, below, random);
        std::vector<uint64_t> both;
        std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
        for (const size_t most : {0U, 1U, 2U, 5U, 40U, 200U, 1000U}) {
          std::vector<uint64_t> expected = both;
          expected.resize(std::min(most, both.size()));
          MergeSmallest(a, b, most, merged);
          EXPECT_EQ(merged, expected) << a_size << " and " << b_size << ", " << most << " of them";
        }
      }
    }
  }
}

TEST(MergeTest, TheSmallestAndTheLargestNumbersAreEntriesToo) {
  constexpr uint64_t kLargest = std::numeric_limits<uint64_t>::max();
  const std::vector<uint64_t> a = {0, 0, kLargest};
  const std::vector<uint64_t> b = {0, kLargest, kLargest};
  std::vector<uint64_t> merged;
  MergeSmallest(a, b, 6, merged);
  EXPECT_EQ(merged, (std::vector<uint64_t>{0, 0, 0, kLargest, kLargest, kLargest}));
  MergeSmallest(a, b, 4, merged);
  EXPECT_EQ(merged, (std::vector<uint64_t>{0, 0, 0, kLargest}));
}

}  // namespace
}  // namespace vecnest::index
