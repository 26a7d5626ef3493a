// What is evaluated: texts, and what people said about them. Start reading the folder here.
//
//   task, retrieval_task, table_file
//                      read a task's files; every error names file and line
//   text_set           numbers distinct texts, so that each is encoded once
//   analogy            questions over a vocabulary, and 3CosAdd
//   vector_matrix      vectors at one width, in one form of storage
//   adaptor_choice     what vectors go through before they are cut
//   exact_search, k_means, logistic_regression
//                      what is done with vectors to score them (LBFGS++ ends in the last)
//   ranking_scores, correlation, label_scores
//                      the scores themselves: pure functions
//   task_scores        one task's scores at one width, form and metric
//   evaluate           goes through models, precisions, tasks, adaptors, codes, widths and metrics
// vecnest/evaluation.h is the interface to all of it.
#ifndef VECNEST_ENGINE_EVALUATION_TASK_H_
#define VECNEST_ENGINE_EVALUATION_TASK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/evaluation/ranking_scores.h"
#include "vecnest/evaluation.h"

namespace vecnest::engine::evaluation {

// Documents and other texts are named by their numbers in Task::texts.

struct RetrievalTask {
  // Of equal scores the document with the smaller number comes first: trec_eval puts the one with
  // the larger id first.
  std::vector<uint32_t> tie_order;
  struct Query {
    std::string text = {};
    Judgements judgements = {};
    int64_t excluded = -1;  // the document that is left out of its answer
  };
  std::vector<Query> queries;
};

struct PairTask {
  std::vector<uint32_t> first;
  std::vector<uint32_t> second;
  std::vector<double> scores;  // of STS; for classification of pairs 1 or 0
};

struct LabelledTexts {
  std::vector<uint32_t> texts;
  std::vector<uint32_t> labels;
};

struct ClassificationTask {
  LabelledTexts train;
  LabelledTexts test;
  size_t labels = 0;  // numbered from 0
};

struct ClusteringTask {
  LabelledTexts items;
  size_t labels = 0;
};

struct AnalogyTask {
  struct Question {
    std::array<std::string, 4> words = {};  // a is to b as c is to d
    size_t section = 0;
  };
  std::vector<Question> questions;
  std::vector<std::string> sections;
  size_t vocabulary = 0;  // of tables of words
};

struct Task {
  std::string name;
  std::string path;
  TaskType type = TaskType::kSts;
  TaskPrefix prefix = TaskPrefix::kAuto;
  // What is encoded: a document each in its order, distinct texts for the other types; nothing for
  // analogies, whose words depend on the model.
  std::vector<std::string> texts;
  std::variant<RetrievalTask, PairTask, ClassificationTask, ClusteringTask, AnalogyTask> gold;
  std::vector<std::pair<std::string, uint64_t>> counts;
  std::vector<std::string> warnings;
};

// Reads the files of a task, at least as many rows as its scores need: scores that differ, pairs of
// both kinds, two labels. InvalidArgument and NotFound name the file, and the line where there is
// one.
absl::StatusOr<Task> LoadTask(const TaskSpec& spec);

// A folder as BEIR has it: corpus.jsonl ("_id", "text", perhaps "title"), queries.jsonl ("_id",
// "text") and qrels/SPLIT.tsv ("query-id", "corpus-id", "score"). A document is its title, a blank
// and its text. Queries without judgements are left out. InvalidArgument: an id that comes twice, a
// judged query that is not there, a grade that is no whole number.
absl::Status LoadRetrieval(const TaskSpec& spec, Task& task);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_TASK_H_
