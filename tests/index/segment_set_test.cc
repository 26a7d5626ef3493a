#include "index/segment_set.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

std::vector<Label> Live(const SetView& view) {
  std::vector<Label> labels;
  for (const Rows& rows : view.Blocks()) {
    for (size_t row = 0; row < rows.count; ++row) {
      if (!rows.marks->IsDeleted(row, view.as_of)) labels.push_back(rows.labels[row]);
    }
  }
  return labels;
}

void Add(SegmentSet& set, Label label) {
  EXPECT_TRUE(
      set.Add(label, testing::KeyOf(label), static_cast<PointNumber>(label), {1.0F, 0.0F}, 1.0F));
}

TEST(SegmentSetTest, ViewsDoNotChange) {
  SegmentSet set(2, Metric::kCosine, ValueFormat::kF32, {}, 0);
  Add(set, 1);
  Add(set, 2);
  const SetView before = set.View();
  Add(set, 3);
  EXPECT_TRUE(set.Delete(1));
  set.Freeze(1);
  Add(set, 4);
  EXPECT_EQ(Live(before), (std::vector<Label>{1, 2}));
  EXPECT_EQ(Live(set.View()), (std::vector<Label>{2, 3, 4}));
}

TEST(SegmentSetTest, ANewMetricIsThatOfTheNextThatGrows) {
  SegmentSet set(2, Metric::kCosine, ValueFormat::kF32, {}, 0);
  Add(set, 1);
  set.SetMetric(Metric::kDot);
  EXPECT_EQ(set.View().list->growing.back()->metric(), Metric::kCosine);
  set.Freeze(1);
  EXPECT_EQ(set.View().list->growing.front()->metric(), Metric::kCosine);
  EXPECT_EQ(set.View().list->growing.back()->metric(), Metric::kDot);
}

TEST(SegmentSetTest, OldLabelsAreIgnored) {
  SegmentSet set(2, Metric::kCosine, ValueFormat::kF32, {}, 10);
  EXPECT_FALSE(set.Add(10, {}, 10, {1.0F, 0.0F}, 1.0F));
  Add(set, 11);
  EXPECT_FALSE(set.Add(11, {}, 11, {1.0F, 0.0F}, 1.0F));
  EXPECT_FALSE(set.Delete(10));
  EXPECT_TRUE(set.Delete(11));
  EXPECT_FALSE(set.Delete(11));
}

TEST(SegmentSetTest, DeletionsDuringABuildAreCarriedOver) {
  const TemporaryDirectory directory;
  SegmentSet set(2, Metric::kCosine, ValueFormat::kF32, {}, 0);
  for (Label label = 1; label <= 5; ++label) Add(set, label);
  set.Freeze(1);
  Add(set, 6);
  Replaced sources;
  sources.growing.push_back(set.View().list->growing.front());
  // The build saw all five rows.
  const testing::Matrix vectors{2, {1, 0, 1, 0, 1, 0, 1, 0, 1, 0}};
  ASSERT_TRUE(WriteSegmentFile(directory.path(), "a", vectors).ok());
  EXPECT_TRUE(set.Delete(2));
  const SetView before = set.View();
  set.Publish(sources, *SealedSegment::Open(directory.path(), "a", 2));
  const SetView after = set.View();
  EXPECT_EQ(after.list->sealed.size(), 1U);
  EXPECT_EQ(after.list->growing.size(), 1U);
  EXPECT_EQ(Live(before), (std::vector<Label>{1, 3, 4, 5, 6}));
  EXPECT_EQ(Live(after), Live(before));
}

TEST(SegmentSetTest, UnitNormFollowsTheLiveVectors) {
  SegmentSet set(2, Metric::kCosine, ValueFormat::kF32, {}, 0);
  EXPECT_TRUE(set.unit_norm());
  Add(set, 1);
  EXPECT_TRUE(set.unit_norm());
  EXPECT_TRUE(set.Add(2, {}, 2, {2.0F, 0.0F}, 0.5F));
  EXPECT_FALSE(set.unit_norm());
  EXPECT_TRUE(set.Delete(2));
  EXPECT_TRUE(set.unit_norm());
}

}  // namespace
}  // namespace vecnest::index
