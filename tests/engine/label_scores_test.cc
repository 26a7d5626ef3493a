#include "engine/evaluation/label_scores.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::engine::evaluation {
namespace {

using Labels = std::vector<uint32_t>;

// Precision at the two places where recall rises: 1/1 and 2/3.
TEST(LabelScoresTest, AveragePrecisionByHand) {
  EXPECT_NEAR(
      AveragePrecision(std::vector<double>{0.9, 0.8, 0.7, 0.1}, std::vector<uint8_t>{1, 0, 1, 0}),
      (1.0 + 2.0 / 3) / 2, 1e-12);
}

// Equal scores are one threshold: precision 2/4 at once, whatever their order.
TEST(LabelScoresTest, AveragePrecisionOfTies) {
  const std::vector<double> scores = {1, 1, 1, 1};
  EXPECT_NEAR(AveragePrecision(scores, std::vector<uint8_t>{1, 1, 0, 0}), 0.5, 1e-12);
  EXPECT_NEAR(AveragePrecision(scores, std::vector<uint8_t>{0, 0, 1, 1}), 0.5, 1e-12);
}

// F1 of label 0: 2 * 1 / (2 + 1), of 1: 2 * 1 / (1 + 2), of 2, which is only predicted, 0 / (0 + 0
// + 1) and of 3, which never is, 0.
TEST(LabelScoresTest, AccuracyAndMacroF1ByHand) {
  const Labels labels = {0, 0, 1, 3};
  const Labels predictions = {0, 2, 1, 1};
  EXPECT_NEAR(Accuracy(labels, predictions), 0.5, 1e-12);
  EXPECT_NEAR(MacroF1(labels, predictions), (2.0 / 3 + 2.0 / 3 + 0 + 0) / 4, 1e-12);
}

TEST(LabelScoresTest, ClustersThatAreTheLabels) {
  const ClusterScores scores = ScoreClusters(Labels{0, 0, 1, 1, 2}, Labels{5, 5, 3, 3, 9});
  EXPECT_NEAR(scores.v_measure, 1, 1e-12);
}

// Two labels, each split into two pure clusters: all is homogeneous, and of the clusters' entropy
// of two bits the labels tell one.
TEST(LabelScoresTest, SplitLabels) {
  const ClusterScores scores = ScoreClusters(Labels{0, 0, 1, 1}, Labels{0, 1, 2, 3});
  EXPECT_NEAR(scores.homogeneity, 1, 1e-12);
  EXPECT_NEAR(scores.completeness, 0.5, 1e-12);
  EXPECT_NEAR(scores.v_measure, 2.0 / 3, 1e-12);
}

TEST(LabelScoresTest, ClustersThatTellNothing) {
  EXPECT_NEAR(ScoreClusters(Labels{0, 1, 0, 1}, Labels{0, 0, 1, 1}).v_measure, 0, 1e-12);
  const ClusterScores one = ScoreClusters(Labels{0, 1}, Labels{0, 0});
  EXPECT_EQ(one.homogeneity, 0);
  EXPECT_EQ(one.completeness, 1);
  EXPECT_EQ(one.v_measure, 0);
}

}  // namespace
}  // namespace vecnest::engine::evaluation
