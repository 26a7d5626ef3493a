#include "index/search_plan.h"

#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

TEST(SearchPlanTest, UnitVectorsShareOneGraph) {
  for (const Metric graph : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
    for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
      EXPECT_TRUE(GraphServes(graph, metric, true));
      EXPECT_EQ(GraphServes(graph, metric, false), graph == metric);
    }
    EXPECT_FALSE(GraphServes(graph, Metric::kManhattan, true));
    EXPECT_FALSE(GraphServes(Metric::kManhattan, graph, true));
  }
  EXPECT_TRUE(GraphServes(Metric::kManhattan, Metric::kManhattan, false));
}

TEST(SearchPlanTest, DefaultEfGrowsWithRowsAndNarrowWidths) {
  EXPECT_EQ(DefaultEf(10, 16384, 384, 384, 4), 48U);
  EXPECT_GT(DefaultEf(10, 1 << 20, 384, 384, 4), DefaultEf(10, 16384, 384, 384, 4));
  EXPECT_GT(DefaultEf(10, 16384, 64, 384, 4), DefaultEf(10, 16384, 128, 384, 4));
  EXPECT_GT(DefaultEf(100, 16384, 384, 384, 4), 100U);
  EXPECT_LE(DefaultEf(10, 16384, 1, 1536, 4), 200U);
  EXPECT_EQ(DefaultEf(10, 16384, 384, 384, 1), 50U);
  EXPECT_EQ(DefaultEf(100, 16384, 384, 384, 1), 350U);
}

TEST(SearchPlanTest, MoreIsRankedAfterCoarseCodes) {
  EXPECT_EQ(DefaultRescored(10, 384, 384, 4, 48), 18U);
  EXPECT_EQ(DefaultRescored(10, 384, 384, 8, 48), 18U);
  EXPECT_EQ(DefaultRescored(10, 384, 384, 1, 48), 50U);
  EXPECT_EQ(DefaultRescored(100, 384, 384, 1, 48), 350U);
  EXPECT_EQ(DefaultRescored(10, 384, 384, 1, 256), 138U);
  EXPECT_EQ(DefaultRescored(10, 384, 384, 4, 256), 18U);
  EXPECT_GT(DefaultRescored(10, 96, 384, 4, 48), 18U);
}

TEST(SearchPlanTest, FewMatchesAreScanned) {
  EXPECT_TRUE(ScanIsBetter(0, 1000000, 64));
  EXPECT_TRUE(ScanIsBetter(10000, 1000000, 64));
  EXPECT_FALSE(ScanIsBetter(500000, 1000000, 64));
  EXPECT_TRUE(ScanIsBetter(1000, 1000, 64));
  EXPECT_FALSE(ScanIsBetter(20000, 20000, 64));
  EXPECT_TRUE(ScanIsBetter(20000, 20000, 10000));
  EXPECT_FALSE(ScanIsBetter(20000, 1000000, 64));
  EXPECT_TRUE(ScanIsBetter(19999, 1000000, 64));
}

TEST(SearchPlanTest, WalksPastWhatIsDeletedKeepMore) {
  EXPECT_EQ(EfPastDeleted(64, 1000, 1000), 64U);
  EXPECT_GE(EfPastDeleted(64, 800, 1000), 80U);
  EXPECT_LE(EfPastDeleted(64, 800, 1000), 100U);
  EXPECT_LE(EfPastDeleted(64, 999, 1000), 65U);
  EXPECT_GE(EfPastDeleted(64, 0, 1000), 64U);
}

TEST(SearchPlanTest, NarrowFiltersAreSearchedHarder) {
  EXPECT_EQ(FilteredEf(64, 1000, 1000), 64U);
  EXPECT_EQ(FilteredEf(64, 500, 1000), 70U);
  EXPECT_EQ(FilteredEf(64, 100, 1000), 121U);
  EXPECT_EQ(FilteredEf(64, 1, 1000), 128U);
  EXPECT_EQ(FilteredEf(64, 0, 1000), 128U);
}

TEST(SearchPlanTest, SmallSegmentsBesideLargeOnesAreSearchedLess) {
  EXPECT_EQ(EfBeside(64, 1000, 1000), 64U);
  EXPECT_EQ(EfBeside(64, 2000, 1000), 64U);
  EXPECT_EQ(EfBeside(64, 500, 1000), 48U);
  EXPECT_EQ(EfBeside(64, 1, 1000000), 33U);
  EXPECT_EQ(EfBeside(1, 1, 1000000), 1U);
  EXPECT_EQ(EfBeside(64, 1, 0), 64U);
}

}  // namespace
}  // namespace vecnest::index
