// Analogies: a is to b as c is to what? (Mikolov, Yih and Zweig, 2013)
#ifndef VECNEST_ENGINE_EVALUATION_ANALOGY_H_
#define VECNEST_ENGINE_EVALUATION_ANALOGY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/evaluation/task.h"
#include "engine/evaluation/vector_matrix.h"

namespace vecnest::engine::evaluation {

// Questions whose words are rows of a vocabulary.
struct AnalogyProblem {
  struct Question {
    std::array<uint32_t, 4> words = {};
    size_t section = 0;
  };
  std::vector<std::string> vocabulary;  // answers are looked for among these
  std::vector<Question> questions;
  size_t skipped = 0;  // questions with a word that the vocabulary does not have
};

// The vocabulary is that of `table` where it has words, and all words of the questions otherwise. A
// word that the table lacks is looked for in lower case (ASCII), which many tables are in.
AnalogyProblem MakeAnalogyProblem(const AnalogyTask& task, std::vector<std::string> table);

// The first `most` words of a table of words (embedder/word_table.h), but for those that are not
// UTF-8.
absl::StatusOr<std::vector<std::string>> ReadVocabulary(const std::string& path, size_t most);

// 3CosAdd: whether d is the word nearest to b - a + c, a, b and c left out. For cosine all vectors
// are scaled to unit length first, for other metrics they are taken as they are. One of each
// question.
absl::StatusOr<std::vector<uint8_t>> SolveAnalogies(const AnalogyProblem& problem,
                                                    const VectorMatrix& vocabulary, Metric metric,
                                                    size_t threads, const CallLimits& limits);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_ANALOGY_H_
