#include "index/row_filter.h"

#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

TEST(RowFilterTest, MatchingRowsEqualSetIntersection) {
  std::mt19937 generator(1);
  for (const double density : {0.01, 0.3, 1.0}) {
    for (const double allowed_density : {0.001, 0.1, 0.9}) {
      std::bernoulli_distribution is_row(density);
      std::bernoulli_distribution is_allowed(allowed_density);
      std::vector<Label> labels;
      std::vector<Label> allowed;
      std::vector<uint32_t> expected;
      for (Label label = 1; label < 5000; ++label) {
        const bool row = is_row(generator);
        const bool listed = is_allowed(generator);
        if (row && listed) expected.push_back(static_cast<uint32_t>(labels.size()));
        if (row) labels.push_back(label);
        if (listed) allowed.push_back(label);
      }
      Rows rows;
      rows.count = labels.size();
      rows.labels = labels.data();
      EXPECT_EQ(MatchingRows(rows, allowed), expected);
      EXPECT_TRUE(MatchingRows(rows, {}).empty());
      EXPECT_TRUE(MatchingRows(rows.Until(0), allowed).empty());
    }
  }
}

TEST(RowFilterTest, ListedAndLiveRowsPass) {
  DeletionMarks marks(100);
  Rows rows;
  rows.count = 100;
  rows.marks = &marks;
  EXPECT_TRUE(RowFilter(rows, 10).AcceptsAll());
  marks.Mark(5, 10);
  const std::vector<uint32_t> listed = {5, 6, 99};
  const RowFilter filter(rows, 10, listed);
  EXPECT_FALSE(filter.AcceptsAll());
  EXPECT_FALSE(filter.Accepts(5));
  EXPECT_TRUE(filter.Accepts(6));
  EXPECT_TRUE(filter.Accepts(99));
  EXPECT_FALSE(filter.Accepts(7));
  EXPECT_TRUE(RowFilter(rows, 9, listed).Accepts(5));
  EXPECT_TRUE(RowFilter(rows, 10).Accepts(7));
  EXPECT_FALSE(RowFilter(rows, 10).Accepts(5));
}

}  // namespace
}  // namespace vecnest::index
