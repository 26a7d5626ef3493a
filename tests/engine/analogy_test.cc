#include "engine/evaluation/analogy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"

namespace vecnest::engine::evaluation {
namespace {

using ::testing::ElementsAre;

AnalogyTask Task() {
  AnalogyTask task;
  task.questions = {{{"man", "woman", "king", "queen"}, 0}, {{"Man", "woman", "king", "lord"}, 1}};
  task.sections = {"one", "two"};
  return task;
}

TEST(AnalogyTest, VocabularyOfTheQuestions) {
  const AnalogyProblem problem = MakeAnalogyProblem(Task(), {});
  EXPECT_THAT(problem.vocabulary, ElementsAre("man", "woman", "king", "queen", "Man", "lord"));
  EXPECT_EQ(problem.skipped, 0U);
  EXPECT_THAT(problem.questions[1].words, ElementsAre(4, 1, 2, 5));
}

TEST(AnalogyTest, VocabularyOfATable) {
  const AnalogyProblem problem = MakeAnalogyProblem(Task(), {"king", "man", "queen", "woman"});
  EXPECT_EQ(problem.skipped, 1U);  // there is no lord
  ASSERT_EQ(problem.questions.size(), 1U);
  EXPECT_THAT(problem.questions[0].words, ElementsAre(1, 3, 0, 2));
  AnalogyTask upper = Task();
  upper.questions[1].words[3] = "Queen";
  EXPECT_EQ(MakeAnalogyProblem(upper, {"king", "man", "queen", "woman"}).skipped, 0U);
}

// In the plane: woman - man is (0, 1), and king + (0, 1) is nearest to queen once king itself,
// which is nearer, is left out.
TEST(AnalogyTest, TheThreeWordsAskedAboutAreNoAnswers) {
  const AnalogyProblem problem =
      MakeAnalogyProblem(Task(), {"man", "woman", "king", "queen", "fig"});
  const VectorMatrix vectors = {2, {1, 0, 1, 1, 9, 0, 9, 9, -3, 0}};
  for (const Metric metric : {Metric::kDot, Metric::kEuclid, Metric::kManhattan, Metric::kCosine}) {
    EXPECT_THAT(*SolveAnalogies(problem, vectors, metric, 1, {}), ElementsAre(1))
        << MetricName(metric);
  }
  const VectorMatrix wrong = {2, {1, 0, 1, 1, 9, 0, -9, -9, 8, 1}};
  EXPECT_THAT(*SolveAnalogies(problem, wrong, Metric::kEuclid, 1, {}), ElementsAre(0));
}

TEST(AnalogyTest, ReadsTheFirstWordsOfATable) {
  const auto words = ReadVocabulary(TinyWords(), 2);
  ASSERT_TRUE(words.ok()) << words.status();
  EXPECT_EQ(words->size(), 2U);
  EXPECT_FALSE(ReadVocabulary("/nowhere.txt", 2).ok());
}

}  // namespace
}  // namespace vecnest::engine::evaluation
