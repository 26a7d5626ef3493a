#include "index/row_filter.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

TEST(RowFilterTest, AcceptedRowsAreThoseOfTheSetThatLive) {
  constexpr size_t kRows = 3000;
  std::mt19937 generator(1);
  // Numbers in no order; some given twice, as when a point was replaced.
  std::vector<PointNumber> numbers(kRows);
  for (PointNumber& number : numbers) number = generator() % 4000;
  std::vector<uint32_t> by_number(kRows);
  std::iota(by_number.begin(), by_number.end(), 0U);
  std::sort(by_number.begin(), by_number.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(numbers[a], a) < std::pair(numbers[b], b);
  });
  DeletionMarks marks(kRows);
  for (size_t row = 0; row < kRows; row += 7) marks.Mark(row, 10);
  Rows rows;
  rows.count = kRows;
  rows.numbers = numbers.data();
  rows.marks = &marks;
  for (const double density : {0.0, 0.001, 0.01, 0.1, 0.9}) {
    PointSet allowed(5000);
    std::bernoulli_distribution is_allowed(density);
    for (PointNumber number = 0; number < 5000; ++number) {
      if (is_allowed(generator)) allowed.Add(number);
    }
    std::vector<uint32_t> expected;
    for (uint32_t row = 0; row < kRows; ++row) {
      if (row % 7 != 0 && allowed.Contains(numbers[row])) expected.push_back(row);
    }
    const RowFilter filter(rows, 10, &allowed);
    rows.by_number = nullptr;
    EXPECT_EQ(AcceptedRows(rows, filter, allowed), expected);
    rows.by_number = by_number.data();
    EXPECT_EQ(AcceptedRows(rows, filter, allowed), expected);
  }
}

TEST(RowFilterTest, AllowedAndLiveRowsPass) {
  DeletionMarks marks(100);
  std::vector<PointNumber> numbers(100);
  std::iota(numbers.begin(), numbers.end(), 1000U);
  Rows rows;
  rows.count = 100;
  rows.numbers = numbers.data();
  rows.marks = &marks;
  EXPECT_TRUE(RowFilter(rows, 10, nullptr).AcceptsAll());
  marks.Mark(5, 10);
  const PointSet allowed = testing::SetOf({1005, 1006, 1099});
  const RowFilter filter(rows, 10, &allowed);
  EXPECT_FALSE(filter.AcceptsAll());
  EXPECT_FALSE(filter.Accepts(5));
  EXPECT_TRUE(filter.Accepts(6));
  EXPECT_TRUE(filter.Accepts(99));
  EXPECT_FALSE(filter.Accepts(7));
  EXPECT_TRUE(RowFilter(rows, 9, &allowed).Accepts(5));
  EXPECT_TRUE(RowFilter(rows, 10, nullptr).Accepts(7));
  EXPECT_FALSE(RowFilter(rows, 10, nullptr).Accepts(5));
}

TEST(PointSetTest, HoldsWhatWasAdded) {
  PointSet set(130);
  for (const PointNumber number : {0U, 63U, 64U, 129U, 64U}) set.Add(number);
  EXPECT_EQ(set.count(), 4U);
  std::vector<PointNumber> seen;
  set.ForEach([&](PointNumber number) { seen.push_back(number); });
  EXPECT_EQ(seen, (std::vector<PointNumber>{0, 63, 64, 129}));
  EXPECT_TRUE(set.Contains(129));
  EXPECT_FALSE(set.Contains(128));
  EXPECT_FALSE(set.Contains(130));
  EXPECT_FALSE(set.Contains(4000000000U));
}

}  // namespace
}  // namespace vecnest::index
