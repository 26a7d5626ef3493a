#include "index/width_curve.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

class WidthCurveTest : public ::testing::Test {
 protected:
  void Fill(const testing::Matrix& points) {
    IndexConfig config;
    config.dimensions = static_cast<int>(points.dimensions);
    config.seal_threshold = 2000;
    index_ = std::move(VectorIndex::Open(directory_.path(), config, {})->index);
    for (size_t row = 0; row < points.count(); ++row) {
      ASSERT_TRUE(index_
                      ->Add(row + 1, testing::KeyOf(row + 1), static_cast<PointNumber>(row),
                            points.Row(row))
                      .ok());
    }
    while (*testing::Maintain(*index_)) {
    }
  }

  TemporaryDirectory directory_;
  std::unique_ptr<VectorIndex> index_;
  const std::function<absl::Status()> go_on_ = [] { return absl::OkStatus(); };
};

TEST_F(WidthCurveTest, NarrowerPrefixesKeepLessAndReadLess) {
  Fill(testing::Clustered(4000, 192, 1));
  const auto curve = MeasureWidths(*index_, 40, Metric::kCosine, go_on_);
  ASSERT_TRUE(curve.ok()) << curve.status();
  EXPECT_EQ(curve->queries, 40U);
  std::vector<size_t> widths;
  for (const WidthPoint& point : curve->widths) widths.push_back(point.dimensions);
  EXPECT_THAT(widths, ::testing::ElementsAre(8, 16, 32, 64, 96, 128, 192));
  for (size_t i = 0; i < widths.size(); ++i) {
    const WidthPoint& point = curve->widths[i];
    EXPECT_GT(point.bytes, 0);
    EXPECT_GT(point.seconds, 0);
    if (i > 0) {
      EXPECT_GE(point.recall, curve->widths[i - 1].recall - 0.02);
    }
  }
  EXPECT_LT(curve->widths.front().recall, 0.6);
  EXPECT_GE(curve->widths.back().recall, 0.97);
}

// Where everything but the first 16 components is zero, nothing is lost from there on.
TEST_F(WidthCurveTest, WidthsThatHoldEverythingKeepEverything) {
  testing::Matrix points = testing::Clustered(500, 64, 1);
  for (size_t row = 0; row < points.count(); ++row) {
    std::fill_n(points.values.begin() + static_cast<ptrdiff_t>(row * 64 + 16), 48, 0.0F);
  }
  Fill(points);
  const auto curve = MeasureWidths(*index_, 1000, Metric::kCosine, go_on_);
  ASSERT_TRUE(curve.ok()) << curve.status();
  EXPECT_EQ(curve->queries, 500U);
  EXPECT_LT(curve->widths[0].recall, 0.95);
  for (size_t i = 1; i < curve->widths.size(); ++i) EXPECT_GE(curve->widths[i].recall, 0.999);
  // These rows are scanned.
  EXPECT_EQ(curve->widths.back().bytes, 500.0 * 64 * sizeof(float));
}

// Directions are in the first half, where lengths do not show: only the second tells them.
TEST_F(WidthCurveTest, NearestIsMeantByTheMetric) {
  testing::Matrix points = testing::Clustered(400, 32, 1);
  for (size_t row = 0; row < points.count(); ++row) {
    float* vector = &points.values[row * 32];
    std::fill_n(vector + 16, 16, 0.0F);
    vector[20] = static_cast<float>(row);
  }
  Fill(points);
  const auto recall = [&](Metric metric) {
    const auto curve = MeasureWidths(*index_, 100, metric, go_on_);
    EXPECT_TRUE(curve.ok()) << curve.status();
    return curve->widths[1].recall;  // at 16 of 32
  };
  // By the dot product the longest vectors are everybody's nearest, which the first half hides.
  EXPECT_LT(recall(Metric::kDot), 0.3);
  EXPECT_LT(recall(Metric::kEuclid), 0.3);
  EXPECT_NE(recall(Metric::kDot), recall(Metric::kCosine));
}

TEST_F(WidthCurveTest, OfNextToNothingIsEmpty) {
  Fill(testing::Clustered(1, 16, 1));
  const auto curve = MeasureWidths(*index_, 10, Metric::kCosine, go_on_);
  ASSERT_TRUE(curve.ok());
  EXPECT_EQ(curve->queries, 0U);
  EXPECT_TRUE(curve->widths.empty());
}

TEST_F(WidthCurveTest, EndsWhenToldTo) {
  Fill(testing::Clustered(100, 16, 1));
  int left = 30;
  const auto curve = MeasureWidths(*index_, 20, Metric::kCosine, [&] {
    return --left > 0 ? absl::OkStatus() : absl::CancelledError("enough");
  });
  EXPECT_EQ(curve.status(), absl::CancelledError("enough"));
}

}  // namespace
}  // namespace vecnest::index
