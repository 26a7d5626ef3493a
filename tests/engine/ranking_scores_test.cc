#include "engine/evaluation/ranking_scores.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::engine::evaluation {
namespace {

// The gains are the grades; the best order of 3, 2, 1 has 3 / log2(2) + 2 / log2(3) + 1 / log2(4).
TEST(RankingScoresTest, NdcgByHand) {
  const Judgements judgements = {{{10, 3}, {11, 2}, {12, 1}, {13, 0}, {14, -1}}, {}};
  const std::vector<uint32_t> ranking = {13, 11, 14, 10, 99};
  const double best = 3 + 2 / std::log2(3) + 1 / std::log2(4);
  EXPECT_NEAR(NdcgAt(10, ranking, judgements), (2 / std::log2(3) + 3 / std::log2(5)) / best, 1e-12);
  EXPECT_NEAR(NdcgAt(2, ranking, judgements), 2 / std::log2(3) / (3 + 2 / std::log2(3)), 1e-12);
  EXPECT_EQ(NdcgAt(1, ranking, judgements), 0);
  EXPECT_NEAR(NdcgAt(10, std::vector<uint32_t>{10, 11, 12}, judgements), 1, 1e-12);
}

TEST(RankingScoresTest, RecallAndReciprocalRank) {
  const Judgements judgements = {{{1, 1}, {2, 2}, {3, 0}}, {1}};  // and one that is not there
  const std::vector<uint32_t> ranking = {3, 9, 2, 1};
  EXPECT_EQ(judgements.Relevant(), 3U);
  EXPECT_EQ(RecallAt(2, ranking, judgements), 0);
  EXPECT_NEAR(RecallAt(3, ranking, judgements), 1.0 / 3, 1e-12);
  EXPECT_NEAR(RecallAt(100, ranking, judgements), 2.0 / 3, 1e-12);
  EXPECT_NEAR(ReciprocalRankAt(10, ranking, judgements), 1.0 / 3, 1e-12);
  EXPECT_EQ(ReciprocalRankAt(2, ranking, judgements), 0);
}

TEST(RankingScoresTest, MissingDocumentsCountInTheIdeal) {
  const Judgements judgements = {{{1, 1}}, {1}};
  EXPECT_NEAR(NdcgAt(10, std::vector<uint32_t>{1}, judgements), 1 / (1 + 1 / std::log2(3)), 1e-12);
}

TEST(RankingScoresTest, NothingRelevantIsZero) {
  const Judgements judgements = {{{1, 0}}, {}};
  const std::vector<uint32_t> ranking = {1, 2};
  EXPECT_EQ(NdcgAt(10, ranking, judgements), 0);
  EXPECT_EQ(RecallAt(10, ranking, judgements), 0);
  EXPECT_EQ(ReciprocalRankAt(10, ranking, judgements), 0);
  EXPECT_EQ(NdcgAt(10, {}, judgements), 0);
}

}  // namespace
}  // namespace vecnest::engine::evaluation
