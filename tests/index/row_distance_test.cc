#include "index/row_distance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kRows = 100;

std::vector<uint32_t> AllRows() {
  std::vector<uint32_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0U);
  return rows;
}

template <class Distance>
void ExpectManyAsOneByOne(const Distance& distance) {
  const std::vector<uint32_t> rows = AllRows();
  std::vector<float> many(kRows);
  typename Distance::FromRow from;
  for (const uint32_t row : {0U, 57U, 99U}) {
    from.Start(distance, row);
    from.To(rows, many.data());
    for (const uint32_t to : rows) EXPECT_EQ(many[to], distance(row, to)) << row << " " << to;
  }
}

// The dot product or the squared distance of what two codes were made from, in squares of the step.
double Plain(const testing::Matrix& points, size_t a, size_t b, Metric metric, float step) {
  const double score = testing::PlainScore(metric == Metric::kDot ? metric : Metric::kEuclid,
                                           points.Row(a), points.Row(b), points.dimensions, false);
  return (metric == Metric::kDot ? -score : score * score) / step / step;
}

TEST(RowDistanceTest, OfCodesIsThatOfTheVectors) {
  for (const size_t dimensions : std::vector<size_t>{40, 200}) {
    for (const int bits : {4, 8}) {
      for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
        const testing::Matrix points =
            testing::Clustered(kRows, dimensions, 1, metric == Metric::kCosine);
        testing::Block block(points);
        const CodeView codes = block.Codes(CodeFormat::For(metric, dimensions, bits));
        const CodeDistance distance(codes, block.View(), metric);
        ExpectManyAsOneByOne(distance);
        double sum = 0;
        double errors = 0;
        for (uint32_t a = 0; a < kRows; ++a) {
          for (uint32_t b = 0; b < a; ++b) {
            const double plain = Plain(points, a, b, metric, codes.step);
            sum += std::fabs(plain);
            errors += std::fabs(distance(a, b) - plain);
          }
        }
        EXPECT_LT(errors, sum * (bits == 8 ? 0.01 : 0.15))
            << dimensions << " " << bits << " " << static_cast<int>(metric);
      }
    }
  }
}

TEST(RowDistanceTest, OfVectorsIsTheSumOfDifferences) {
  const testing::Matrix points = testing::Clustered(kRows, 24, 1);
  testing::Block block(points);
  const VectorDistance distance(block.View(), 24);
  ExpectManyAsOneByOne(distance);
  for (uint32_t row = 1; row < kRows; ++row) {
    const double plain =
        testing::PlainScore(Metric::kManhattan, points.Row(0), points.Row(row), 24, false);
    EXPECT_NEAR(distance(0, row), plain, 1e-4 * plain);
  }
}

// Nearer than anything else, and each by a distance of its own.
TEST(RowDistanceTest, TellsEqualVectorsApart) {
  testing::Matrix points = testing::Clustered(kRows, 16, 1);
  constexpr size_t kEqual = 60;
  for (size_t row = 0; row < kEqual; ++row) {
    std::copy_n(points.Row(0).begin(), 16, &points.values[row * 16]);
  }
  testing::Block block(points);
  const auto expect = [](const auto& distance) {
    std::set<float> different;
    for (uint32_t row = 1; row < kEqual; ++row) {
      different.insert(distance(0, row));
      EXPECT_EQ(distance(0, row), distance(row, 0));
    }
    EXPECT_EQ(different.size(), kEqual - 1);
    for (uint32_t row = kEqual; row < kRows; ++row) {
      EXPECT_LT(*different.rbegin(), distance(0, row));
    }
    return different;
  };
  const CodeView codes = block.Codes();
  for (const auto& distances : {expect(CodeDistance(codes, block.View(), Metric::kCosine)),
                                expect(VectorDistance(block.View(), 16))}) {
    EXPECT_GT(*distances.begin(), 0);
    EXPECT_LT(*distances.rbegin(), 1e-5);
  }
  // Farther apart than a thousandth of the product they never are.
  for (const int bits : {4, 8}) {
    const CodeView of_bits = block.Codes(CodeFormat::For(Metric::kDot, 16, bits));
    const std::set<float> dots = expect(CodeDistance(of_bits, block.View(), Metric::kDot));
    EXPECT_LT(*dots.rbegin() - *dots.begin(), -*dots.begin() / 990) << bits;
  }
}

}  // namespace
}  // namespace vecnest::index
