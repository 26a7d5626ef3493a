#include "engine/evaluation/task_scores.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <utility>

#include "embedder/status_macros.h"
#include "engine/conversions.h"
#include "engine/evaluation/correlation.h"
#include "engine/evaluation/exact_search.h"
#include "engine/evaluation/k_means.h"
#include "engine/evaluation/label_scores.h"
#include "engine/evaluation/logistic_regression.h"
#include "engine/evaluation/ranking_scores.h"
#include "fmt/format.h"
#include "index/scorer.h"

namespace vecnest::engine::evaluation {
namespace {

constexpr size_t kNdcgDepth = 10;
constexpr size_t kRecallDepth = 100;

using Scores = std::vector<NamedScore>;

// The first `count` but for one that is left out.
std::vector<uint32_t> FirstOf(absl::Span<const uint32_t> rows, size_t count, int64_t excluded) {
  std::vector<uint32_t> first(rows.begin(), rows.end());
  std::erase_if(first, [&](uint32_t row) { return row == excluded; });
  first.resize(std::min(first.size(), count));
  return first;
}

// What every score needs beside its task and vectors.
struct Setting {
  Metric metric;
  const EvaluationRequest& request;

  size_t threads() const { return static_cast<size_t>(request.threads); }
};

// The best rows by whole vectors.
class WholeRanking {
 public:
  WholeRanking(const RetrievalTask& task, const TaskVectors& whole, Metric metric)
      : task_(task), whole_(whole), metric_(metric), inverse_norms_(InverseNorms(whole.texts)) {}

  // The same rows, best first.
  std::vector<uint32_t> Rank(size_t query, absl::Span<const uint32_t> rows) const {
    const index::Scorer scorer(ToIndexMetric(metric_), whole_.queries.Row(query),
                               whole_.queries.width, index::Renormalize::kNo);
    std::vector<std::pair<float, uint32_t>> costs;
    costs.reserve(rows.size());
    for (const uint32_t row : rows) {
      costs.emplace_back(scorer.Cost(whole_.texts.Row(row).data(), inverse_norms_[row]), row);
    }
    std::sort(costs.begin(), costs.end(), [&](const auto& a, const auto& b) {
      if (a.first != b.first) return a.first < b.first;
      return task_.tie_order[a.second] < task_.tie_order[b.second];
    });
    std::vector<uint32_t> ranked;
    ranked.reserve(costs.size());
    for (const auto& [cost, row] : costs) ranked.push_back(row);
    return ranked;
  }

 private:
  const RetrievalTask& task_;
  const TaskVectors& whole_;
  const Metric metric_;
  const std::vector<float> inverse_norms_;
};

// The ten nearest of every query, looked for at most once.
absl::StatusOr<const std::vector<std::vector<uint32_t>>*> NearestByWhole(const RetrievalTask& task,
                                                                         WholeVectors& whole,
                                                                         const Setting& setting) {
  const auto known = whole.nearest.find(setting.metric);
  if (known != whole.nearest.end()) return &known->second;
  std::vector<std::vector<uint32_t>> all(task.queries.size());
  const ExactSearch search = {.metric = setting.metric,
                              .limit = kNdcgDepth + 1,  // one may be left out
                              .threads = setting.threads(),
                              .tie_order = task.tie_order};
  VECNEST_RETURN_IF_ERROR(
      SearchExactly(whole.vectors.queries, whole.vectors.texts, search, setting.request.limits,
                    [&](size_t q, absl::Span<const uint32_t> nearest) {
                      all[q] = FirstOf(nearest, kNdcgDepth, task.queries[q].excluded);
                    }));
  return &whole.nearest.emplace(setting.metric, std::move(all)).first->second;
}

// What was found and ranked by whole vectors, against what these find by themselves.
absl::StatusOr<Scores> ScoreReranked(const RetrievalTask& task,
                                     const std::vector<std::vector<uint32_t>>& found,
                                     WholeVectors& whole, const Setting& setting) {
  VECNEST_ASSIGN_OR_RETURN(const auto* nearest, NearestByWhole(task, whole, setting));
  const WholeRanking ranking(task, whole.vectors, setting.metric);
  std::vector<double> ndcg(found.size());
  std::vector<double> kept(found.size());
  for (size_t q = 0; q < found.size(); ++q) {
    const std::vector<uint32_t> ranked = ranking.Rank(q, found[q]);
    ndcg[q] = NdcgAt(kNdcgDepth, ranked, task.queries[q].judgements);
    const std::vector<uint32_t>& best = (*nearest)[q];
    const auto end = ranked.begin() + static_cast<ptrdiff_t>(std::min(ranked.size(), kNdcgDepth));
    const auto both = std::count_if(best.begin(), best.end(), [&](uint32_t row) {
      return std::find(ranked.begin(), end, row) != end;
    });
    kept[q] = best.empty() ? 1.0 : static_cast<double>(both) / static_cast<double>(best.size());
  }
  return Scores{{"reranked_ndcg@10", Mean(ndcg)}, {"kept@10", Mean(kept)}};
}

absl::StatusOr<Scores> ScoreRetrieval(const RetrievalTask& task, const TaskVectors& vectors,
                                      WholeVectors* whole, const Setting& setting) {
  const size_t count = task.queries.size();
  const bool rerank = setting.request.rerank > 0 && whole != nullptr;
  std::vector<std::vector<uint32_t>> found(rerank ? count : 0);
  std::vector<double> ndcg(count);
  std::vector<double> recall(count);
  std::vector<double> rank_at_10(count);
  std::vector<double> rank(count);
  const ExactSearch search = {.metric = setting.metric,
                              .limit = kRanked + 1,  // one may be left out
                              .threads = setting.threads(),
                              .tie_order = task.tie_order};
  VECNEST_RETURN_IF_ERROR(
      SearchExactly(vectors.queries, vectors.texts, search, setting.request.limits,
                    [&](size_t q, absl::Span<const uint32_t> nearest) {
                      const RetrievalTask::Query& query = task.queries[q];
                      std::vector<uint32_t> ranking = FirstOf(nearest, kRanked, query.excluded);
                      ndcg[q] = NdcgAt(kNdcgDepth, ranking, query.judgements);
                      recall[q] = RecallAt(kRecallDepth, ranking, query.judgements);
                      rank_at_10[q] = ReciprocalRankAt(kNdcgDepth, ranking, query.judgements);
                      rank[q] = ReciprocalRankAt(kRanked, ranking, query.judgements);
                      if (!rerank) return;
                      ranking.resize(std::min(ranking.size(), setting.request.rerank));
                      found[q] = std::move(ranking);
                    }));
  Scores scores = {{"ndcg@10", Mean(ndcg)},
                   {"recall@100", Mean(recall)},
                   {"mrr@10", Mean(rank_at_10)},
                   {"mrr", Mean(rank)}};
  if (!rerank) return scores;
  VECNEST_ASSIGN_OR_RETURN(const Scores reranked, ScoreReranked(task, found, *whole, setting));
  scores.insert(scores.end(), reranked.begin(), reranked.end());
  return scores;
}

// How near the texts of each pair are, larger is nearer: a distance is negative.
std::vector<double> PairSimilarities(const PairTask& task, const VectorMatrix& texts,
                                     Metric metric) {
  const std::vector<float> inverse_norms = InverseNorms(texts);
  std::vector<double> similarities;
  similarities.reserve(task.first.size());
  for (size_t i = 0; i < task.first.size(); ++i) {
    const index::Scorer scorer(ToIndexMetric(metric), texts.Row(task.first[i]), texts.width,
                               index::Renormalize::kNo);
    const uint32_t other = task.second[i];
    similarities.push_back(-double{scorer.Cost(texts.Row(other).data(), inverse_norms[other])});
  }
  return similarities;
}

Scores ScoreSts(const PairTask& task, const TaskVectors& vectors, const Setting& setting) {
  const std::vector<double> similarities = PairSimilarities(task, vectors.texts, setting.metric);
  return {{"spearman", Spearman(similarities, task.scores)},
          {"pearson", Pearson(similarities, task.scores)}};
}

Scores ScorePairClassification(const PairTask& task, const TaskVectors& vectors,
                               const Setting& setting) {
  const std::vector<double> similarities = PairSimilarities(task, vectors.texts, setting.metric);
  const std::vector<uint8_t> relevant(task.scores.begin(), task.scores.end());
  return {{"ap", AveragePrecision(similarities, relevant)}};
}

VectorMatrix Gather(const VectorMatrix& texts, absl::Span<const uint32_t> rows) {
  VectorMatrix gathered = {texts.width, {}};
  gathered.values.reserve(rows.size() * texts.width);
  for (const uint32_t row : rows) {
    gathered.values.insert(gathered.values.end(), texts.Row(row).begin(), texts.Row(row).end());
  }
  return gathered;
}

// So many of each label, drawn at random, or all of one that has fewer.
LabelledTexts Sample(const LabelledTexts& all, size_t per_label, size_t labels,
                     std::mt19937_64& random) {
  std::vector<size_t> order(all.texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  std::vector<size_t> taken(labels);
  LabelledTexts sample;
  for (const size_t i : order) {
    if (taken[all.labels[i]]++ >= per_label) continue;
    sample.texts.push_back(all.texts[i]);
    sample.labels.push_back(all.labels[i]);
  }
  return sample;
}

absl::StatusOr<Scores> ScoreClassification(const ClassificationTask& task,
                                           const TaskVectors& vectors, const Setting& setting) {
  const EvaluationRequest& request = setting.request;
  const size_t experiments = request.samples_per_label == 0 ? 1 : request.experiments;
  const VectorMatrix test = Gather(vectors.texts, task.test.texts);
  std::mt19937_64 random(request.seed);
  std::vector<double> accuracies;
  std::vector<double> f1s;
  for (size_t i = 0; i < experiments; ++i) {
    const LabelledTexts train =
        request.samples_per_label == 0
            ? task.train
            : Sample(task.train, request.samples_per_label, task.labels, random);
    const LogisticRegressionOptions options = {.threads = setting.threads()};
    VECNEST_ASSIGN_OR_RETURN(
        const auto classifier,
        LogisticRegression::Fit(Gather(vectors.texts, train.texts), train.labels, task.labels,
                                options, request.limits));
    VECNEST_ASSIGN_OR_RETURN(const std::vector<uint32_t> predictions, classifier.Predict(test));
    accuracies.push_back(Accuracy(task.test.labels, predictions));
    f1s.push_back(MacroF1(task.test.labels, predictions));
  }
  Scores scores = {{"accuracy", Mean(accuracies)}, {"f1_macro", Mean(f1s)}};
  if (experiments > 1) {
    double variance = 0;
    for (const double accuracy : accuracies) {
      variance += std::pow(accuracy - Mean(accuracies), 2) / static_cast<double>(experiments);
    }
    scores.push_back({"accuracy_deviation", std::sqrt(variance)});
  }
  return scores;
}

absl::StatusOr<Scores> ScoreClustering(const ClusteringTask& task, const TaskVectors& vectors,
                                       const Setting& setting) {
  const KMeansOptions options = {
      .clusters = task.labels, .seed = setting.request.seed, .threads = setting.threads()};
  VECNEST_ASSIGN_OR_RETURN(const Clusters clusters, KMeans(Gather(vectors.texts, task.items.texts),
                                                           options, setting.request.limits));
  const ClusterScores scores = ScoreClusters(task.items.labels, clusters.of);
  return Scores{{"v_measure", scores.v_measure},
                {"homogeneity", scores.homogeneity},
                {"completeness", scores.completeness},
                {"inertia", clusters.inertia}};
}

absl::StatusOr<Scores> ScoreAnalogies(const AnalogyTask& task, const AnalogyProblem& problem,
                                      const TaskVectors& vectors, const Setting& setting) {
  VECNEST_ASSIGN_OR_RETURN(const std::vector<uint8_t> right,
                           SolveAnalogies(problem, vectors.texts, setting.metric, setting.threads(),
                                          setting.request.limits));
  std::vector<double> sums(task.sections.size());
  std::vector<double> counts(task.sections.size());
  for (size_t i = 0; i < right.size(); ++i) {
    sums[problem.questions[i].section] += right[i];
    ++counts[problem.questions[i].section];
  }
  const auto share = [](double part, double all) {
    return all > 0 ? std::optional<double>(part / all) : std::nullopt;
  };
  const auto answered = static_cast<double>(right.size());
  Scores scores = {{"accuracy", share(std::accumulate(sums.begin(), sums.end(), 0.0), answered)},
                   {"coverage", answered / static_cast<double>(task.questions.size())}};
  for (size_t i = 0; i < sums.size(); ++i) {
    if (task.sections[i].empty()) continue;
    scores.push_back({fmt::format("accuracy:{}", task.sections[i]), share(sums[i], counts[i])});
  }
  return scores;
}

}  // namespace

bool ComparesVectors(TaskType type) {
  return type != TaskType::kClassification && type != TaskType::kClustering;
}

size_t ScoringBytes(TaskType type, size_t texts, size_t width, size_t threads) {
  switch (type) {
    case TaskType::kRetrieval:
    case TaskType::kAnalogy:
      return ExactSearchBytes(texts, threads);
    case TaskType::kClassification:
    case TaskType::kClustering:
      return 2 * texts * width * sizeof(float);  // gathered, and for k-means centered
    case TaskType::kSts:
    case TaskType::kPairClassification:
      break;
  }
  return 0;
}

absl::StatusOr<std::vector<NamedScore>> ScoreTask(const Task& task, const AnalogyProblem& problem,
                                                  const TaskVectors& vectors, WholeVectors* whole,
                                                  Metric metric, const EvaluationRequest& request) {
  const Setting setting = {metric, request};
  switch (task.type) {
    case TaskType::kRetrieval:
      return ScoreRetrieval(std::get<RetrievalTask>(task.gold), vectors, whole, setting);
    case TaskType::kSts:
      return ScoreSts(std::get<PairTask>(task.gold), vectors, setting);
    case TaskType::kPairClassification:
      return ScorePairClassification(std::get<PairTask>(task.gold), vectors, setting);
    case TaskType::kClassification:
      return ScoreClassification(std::get<ClassificationTask>(task.gold), vectors, setting);
    case TaskType::kClustering:
      return ScoreClustering(std::get<ClusteringTask>(task.gold), vectors, setting);
    case TaskType::kAnalogy:
      break;
  }
  return ScoreAnalogies(std::get<AnalogyTask>(task.gold), problem, vectors, setting);
}

}  // namespace vecnest::engine::evaluation
