#include "index/filter_locality.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "index/sealed_segment.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kRows = 4000;
constexpr size_t kWidth = 48;

class FilterLocalityTest : public ::testing::Test {
 protected:
  FilterLocalityTest() : points_(testing::Clustered(kRows, kWidth, 1)) {
    EXPECT_TRUE(testing::WriteSegmentFile(directory_.path(), "a", points_).ok());
    segment_ = *SealedSegment::Open(directory_.path(), "a", kWidth);
    order_.resize(kRows);
    std::iota(order_.begin(), order_.end(), PointNumber{1});
    std::sort(order_.begin(), order_.end(), [&](PointNumber a, PointNumber b) {
      const auto score = [&](PointNumber number) {
        return testing::PlainScore(Metric::kCosine, queries_.Row(0), points_.Row(number - 1),
                                   kWidth, true);
      };
      return score(a) > score(b);
    });
  }

  // Of the points from the `first`-th nearest to the query on, every so many-th is accepted, and of
  // those before it the `near` nearest.
  void Expect(bool away, size_t first, size_t one_in, size_t near = 0) {
    std::vector<PointNumber> numbers(order_.begin(), order_.begin() + static_cast<ptrdiff_t>(near));
    for (size_t i = first; i < kRows; i += one_in) numbers.push_back(order_[i]);
    const PointSet allowed = testing::SetOf(numbers);
    const Rows rows = segment_->rows();
    const RowFilter filter(rows, kRows, &allowed);
    const Scorer scorer(Metric::kCosine, queries_.Row(0), kWidth, Renormalize::kYes);
    const Locality by_vectors =
        LocalityOf(segment_->graph(), kRows, filter, VectorScorer(rows, scorer));
    const Locality by_codes = LocalityOf(
        segment_->graph(), kRows, filter,
        CodeScorer(segment_->codes(), Metric::kCosine, queries_.Row(0), kWidth, Renormalize::kYes));
    for (const Locality& told : {by_vectors, by_codes}) {
      EXPECT_EQ(told.away, away) << first << " " << one_in;
      EXPECT_GT(told.distances, 0U);
      EXPECT_LT(told.distances, kRows / 2);
    }
    EXPECT_GT(by_vectors.bytes, by_codes.bytes);
  }

  TemporaryDirectory directory_;
  const testing::Matrix points_;
  const testing::Matrix queries_ = testing::Clustered(1, kWidth, 2);
  std::shared_ptr<SealedSegment> segment_;
  std::vector<PointNumber> order_;
};

TEST_F(FilterLocalityTest, WhatIsSpreadEvenlyIsNotAway) {
  for (const size_t one_in : {1, 2, 10, 100}) Expect(false, 0, one_in);
}

// Where many match the nearest rows tell, where few do those from everywhere.
TEST_F(FilterLocalityTest, WhatSurroundsTheQueryIsMissed) {
  for (const size_t one_in : {1, 2, 4}) Expect(true, kRows / 2, one_in);
}

// Enough of the nearest to lead a walk on, though fewer than elsewhere.
TEST_F(FilterLocalityTest, WhereManyNearTheQueryAreLeftAWalkFindsOn) {
  for (const size_t near : {12, 20, 300}) Expect(false, near + 20, 1, near);
}

TEST_F(FilterLocalityTest, AFewNearTheQueryHideNothing) {
  for (const size_t near : {1, 3, 6}) {
    Expect(true, kRows / 2, 1, near);
    Expect(true, kRows * 4 / 5, 1, near);
  }
}

}  // namespace
}  // namespace vecnest::index
