#include "index/for_each_row.h"

#include <numeric>
#include <stdexcept>

#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

TEST(ForEachRowTest, CallsForEachRowOnce) {
  for (const int threads : {1, 4}) {
    std::vector<std::atomic<int>> calls(1000);
    ForEachRow(3, calls.size(), threads, nullptr, [&](uint32_t row) { ++calls[row]; });
    for (size_t row = 0; row < calls.size(); ++row) EXPECT_EQ(calls[row], row < 3 ? 0 : 1) << row;
  }
}

TEST(ForEachRowTest, NothingIsDoneWithoutRows) {
  ForEachRow(5, 5, 2, nullptr, [](uint32_t) { FAIL(); });
  ForEachRow(1, 0, 2, nullptr, [](uint32_t) { FAIL(); });
}

TEST(ForEachRowTest, ThrowsWhatTheWorkThrows) {
  for (const int threads : {1, 4}) {
    std::atomic<size_t> calls = 0;
    const auto fail = [&](uint32_t row) {
      ++calls;
      if (row == 10) throw std::runtime_error("row 10");
    };
    EXPECT_THROW(ForEachRow(0, 1U << 30U, threads, nullptr, fail), std::runtime_error);
    EXPECT_GE(calls, 11U);
  }
}

TEST(ForEachRowTest, EndsWhenToldTo) {
  std::atomic<bool> stop = false;
  std::atomic<size_t> calls = 0;
  ForEachRow(0, 1U << 30U, 2, &stop, [&](uint32_t) { stop = ++calls >= 100; });
  EXPECT_GE(calls, 100U);
  EXPECT_LE(calls, 103U);
}

}  // namespace
}  // namespace vecnest::index
