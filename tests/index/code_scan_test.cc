#include "index/code_scan.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

// From the definition: the nearest until there are `wanted` rows and `different` costs, and
// whatever else has the last of these costs.
std::vector<WalkedRow> PlainRanked(std::vector<WalkedRow> found, size_t wanted, size_t different) {
  std::sort(found.begin(), found.end());
  std::vector<WalkedRow> ranked;
  std::set<float> costs;
  for (const WalkedRow& row : found) {
    const bool enough = ranked.size() >= wanted && costs.size() >= different;
    if (enough && !costs.contains(row.cost)) break;
    costs.insert(row.cost);
    ranked.push_back(row);
  }
  return ranked;
}

TEST(CodeScanTest, KeepsWhatHasToBeRanked) {
  std::mt19937 random(1);
  for (const uint32_t costs : {1U, 3U, 50U, 1000000U}) {
    for (const size_t count : {0U, 1U, 18U, 19U, 1024U}) {
      std::vector<WalkedRow> found(count);
      for (size_t i = 0; i < count; ++i) {
        found[i] = {static_cast<float>(random() % costs), static_cast<uint32_t>(i)};
      }
      for (const size_t wanted : {1U, 10U, 500U, 5000U}) {
        const std::vector<WalkedRow> expected = PlainRanked(found, wanted, wanted + 8);
        std::vector<WalkedRow> kept = found;
        KeepRanked(kept, wanted, wanted + 8);
        EXPECT_EQ(kept, expected) << costs << " " << count << " " << wanted;
        std::sort(found.begin(), found.end());
        EXPECT_EQ(RankedDepth(found, wanted, wanted + 8), expected.size());
        std::shuffle(found.begin(), found.end(), random);
      }
    }
  }
}

TEST(CodeScanTest, CostsAreThoseOfEachRow) {
  testing::Block block(testing::Clustered(200, 96, 1));
  const testing::Matrix query = testing::Clustered(1, 96, 2);
  const CodeScorer scorer(block.Codes(), Metric::kCosine, query.Row(0), 96, Renormalize::kYes);
  const std::vector<uint32_t> rows = {7, 3, 199, 0};
  const std::vector<WalkedRow> found = CostsOfCodes(scorer, rows);
  ASSERT_EQ(found.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(found[i].row, rows[i]);
    EXPECT_EQ(found[i].cost, scorer.Cost(rows[i]));
  }
  EXPECT_TRUE(CostsOfCodes(scorer, {}).empty());
}

}  // namespace
}  // namespace vecnest::index
