// Scores of one task for the vectors of its texts.
#ifndef VECNEST_ENGINE_EVALUATION_TASK_SCORES_H_
#define VECNEST_ENGINE_EVALUATION_TASK_SCORES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/evaluation/analogy.h"
#include "engine/evaluation/task.h"
#include "engine/evaluation/vector_matrix.h"
#include "vecnest/evaluation.h"

namespace vecnest::engine::evaluation {

// Documents that are ranked for a query, as many as mteb asks for.
inline constexpr size_t kRanked = 1000;

// Whether the task compares vectors with each other, so that its scores depend on the metric.
bool ComparesVectors(TaskType type);

// One row for each text of the task, or word of the problem; queries of retrieval.
struct TaskVectors {
  VectorMatrix texts;
  VectorMatrix queries;
};

// The vectors that prefixes and codes were made from, and the nearest by them, which are looked for
// once for each metric.
struct WholeVectors {
  explicit WholeVectors(const TaskVectors& all) : vectors(all) {}

  const TaskVectors& vectors;
  std::map<Metric, std::vector<std::vector<uint32_t>>> nearest = {};  // by query
};

// What scoring so many texts of a task takes beside their vectors, in bytes.
size_t ScoringBytes(TaskType type, size_t texts, size_t width, size_t threads);

// The scores of a task, the main one first, for the vectors as they are compared. `whole` is what
// retrieval ranks again by, if it is asked to; null where these are the whole vectors. `problem`
// belongs to an analogy task and to the model. Settings are those of `request`, which is not asked
// for its lists. Cancelled and DeadlineExceeded as its limits say, and what the parts return.
absl::StatusOr<std::vector<NamedScore>> ScoreTask(const Task& task, const AnalogyProblem& problem,
                                                  const TaskVectors& vectors, WholeVectors* whole,
                                                  Metric metric, const EvaluationRequest& request);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_TASK_SCORES_H_
