#include "engine/evaluation/task_scores.h"

#include <string>

#include "gtest/gtest.h"

namespace vecnest::engine::evaluation {
namespace {

std::optional<double> Value(const std::vector<NamedScore>& scores, const std::string& name) {
  for (const NamedScore& score : scores) {
    if (score.name == name) return score.value;
  }
  ADD_FAILURE() << "no score " << name;
  return std::nullopt;
}

std::vector<NamedScore> Score(TaskType type, Task task, const TaskVectors& vectors,
                              Metric metric = Metric::kCosine, EvaluationRequest request = {}) {
  task.type = type;
  auto scores = ScoreTask(task, {}, vectors, nullptr, metric, request);
  EXPECT_TRUE(scores.ok()) << scores.status();
  return *std::move(scores);
}

// Angles of 0, 30, 60 and 90 degrees to the first text, with the scores falling.
TEST(TaskScoresTest, SimilarityIsLargerWhereDistanceIsSmaller) {
  const TaskVectors vectors = {{2, {1, 0, 0.866F, 0.5F, 0.5F, 0.866F, 0, 1}}, {}};
  Task task;
  task.gold = PairTask{{0, 0, 0}, {1, 2, 3}, {5, 3, 1}};
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    const auto scores = Score(TaskType::kSts, task, vectors, metric);
    EXPECT_EQ(scores.front().name, "spearman");
    EXPECT_NEAR(*scores.front().value, 1, 1e-9) << MetricName(metric);
  }
}

TEST(TaskScoresTest, EqualSimilaritiesHaveNoCorrelation) {
  Task task;
  task.gold = PairTask{{0, 1}, {1, 0}, {5, 3}};
  const TaskVectors vectors = {{2, {1, 0, 0, 1}}, {}};
  EXPECT_FALSE(Value(Score(TaskType::kSts, task, vectors), "spearman").has_value());
}

TEST(TaskScoresTest, RetrievalLeavesOutWhatIsExcluded) {
  RetrievalTask gold;
  gold.tie_order = {0, 1, 2};
  RetrievalTask::Query query;
  query.judgements.grades = {{1, 1}};
  gold.queries = {query};
  const TaskVectors vectors = {{2, {1, 0, 1, 0.1F, 0, 1}}, {2, {1, 0}}};
  Task task;
  task.gold = gold;
  EXPECT_NEAR(*Value(Score(TaskType::kRetrieval, task, vectors), "mrr@10"), 0.5, 1e-12);
  gold.queries[0].excluded = 0;
  task.gold = gold;
  const auto scores = Score(TaskType::kRetrieval, task, vectors);
  EXPECT_EQ(scores.front().name, "ndcg@10");
  for (const char* name : {"ndcg@10", "recall@100", "mrr@10", "mrr"}) {
    EXPECT_NEAR(*Value(scores, name), 1, 1e-12) << name;
  }
}

TEST(TaskScoresTest, WholeVectorsRankAgainWhatPrefixesFound) {
  // By the first number alone documents come as 0, 1, 2, 3, by all as 2, 1, 0, 3.
  const TaskVectors whole = {{2, {1, -1, 0.9F, 0.4F, 0.8F, 0.6F, 0.7F, -0.7F}}, {2, {0.8F, 0.6F}}};
  const TaskVectors prefixes = {{1, {1, 0.9F, 0.8F, 0.7F}}, {1, {1}}};
  RetrievalTask gold;
  gold.tie_order = {0, 1, 2, 3};
  RetrievalTask::Query query;
  query.judgements.grades = {{2, 1}};
  gold.queries = {query};
  Task task;
  task.type = TaskType::kRetrieval;
  task.gold = gold;
  const auto score = [&](size_t rerank) {
    EvaluationRequest request;
    request.rerank = rerank;
    WholeVectors all(whole);
    const auto scores = ScoreTask(task, {}, prefixes, &all, Metric::kDot, request);
    EXPECT_TRUE(scores.ok()) << scores.status();
    return *scores;
  };
  EXPECT_EQ(score(0).size(), 4U);
  // Third of four; found among three, and then first; among two it is not.
  EXPECT_NEAR(*Value(score(3), "ndcg@10"), 0.5, 1e-6);
  EXPECT_NEAR(*Value(score(3), "reranked_ndcg@10"), 1, 1e-6);
  EXPECT_NEAR(*Value(score(3), "kept@10"), 0.75, 1e-6);
  EXPECT_NEAR(*Value(score(2), "reranked_ndcg@10"), 0, 1e-6);
  EXPECT_NEAR(*Value(score(4), "kept@10"), 1, 1e-6);
}

TEST(TaskScoresTest, ClassifiesAndClustersWhatIsApart) {
  const TaskVectors vectors = {{1, {0, 0.1F, 5, 5.1F, 0.2F, 4.9F}}, {}};
  Task task;
  task.gold = ClassificationTask{{{0, 1, 2, 3}, {0, 0, 1, 1}}, {{4, 5, 0}, {0, 1, 2}}, 2};
  // Label 2 was never learned.
  EXPECT_NEAR(*Value(Score(TaskType::kClassification, task, vectors), "accuracy"), 2.0 / 3, 1e-12);
  EvaluationRequest request;
  request.samples_per_label = 1;
  request.experiments = 3;
  const auto sampled = Score(TaskType::kClassification, task, vectors, Metric::kCosine, request);
  EXPECT_NEAR(*Value(sampled, "accuracy"), 2.0 / 3, 1e-12);
  EXPECT_NEAR(*Value(sampled, "accuracy_deviation"), 0, 1e-12);
  task.gold = ClusteringTask{{{0, 1, 2, 3}, {7, 7, 9, 9}}, 2};
  EXPECT_NEAR(*Value(Score(TaskType::kClustering, task, vectors), "v_measure"), 1, 1e-12);
}

TEST(TaskScoresTest, AnalogiesBySection) {
  Task task;
  task.type = TaskType::kAnalogy;
  AnalogyTask gold;
  gold.questions = {
      {{"a", "b", "c", "d"}, 0}, {{"c", "d", "a", "d"}, 1}, {{"a", "b", "c", "?"}, 1}};
  gold.sections = {"first", "second"};
  task.gold = gold;
  const AnalogyProblem problem = MakeAnalogyProblem(gold, {"a", "b", "c", "d"});
  const TaskVectors vectors = {{2, {1, 0, 1, 1, 5, 0, 5, 1}}, {}};
  const auto scores = ScoreTask(task, problem, vectors, nullptr, Metric::kEuclid, {});
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_NEAR(*Value(*scores, "accuracy"), 0.5, 1e-12);
  EXPECT_NEAR(*Value(*scores, "coverage"), 2.0 / 3, 1e-12);
  EXPECT_NEAR(*Value(*scores, "accuracy:first"), 1, 1e-12);
  EXPECT_NEAR(*Value(*scores, "accuracy:second"), 0, 1e-12);
}

TEST(TaskScoresTest, MemoryGrowsWithTheTexts) {
  EXPECT_EQ(ScoringBytes(TaskType::kSts, 1000, 384, 2), 0U);
  EXPECT_GT(ScoringBytes(TaskType::kRetrieval, 2000, 384, 2),
            ScoringBytes(TaskType::kRetrieval, 1000, 384, 2));
  EXPECT_FALSE(ComparesVectors(TaskType::kClustering));
}

}  // namespace
}  // namespace vecnest::engine::evaluation
