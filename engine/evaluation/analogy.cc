#include "engine/evaluation/analogy.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "embedder/status_macros.h"
#include "embedder/word_table.h"
#include "engine/evaluation/exact_search.h"
#include "engine/json.h"

namespace vecnest::engine::evaluation {
namespace {

using Rows = absl::flat_hash_map<std::string, uint32_t>;

std::string LowerCase(std::string word) {
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return word;
}

std::optional<uint32_t> FindWord(const Rows& rows, const std::string& word) {
  auto found = rows.find(word);
  if (found == rows.end()) found = rows.find(LowerCase(word));
  if (found == rows.end()) return std::nullopt;
  return found->second;
}

}  // namespace

AnalogyProblem MakeAnalogyProblem(const AnalogyTask& task, std::vector<std::string> table) {
  AnalogyProblem problem;
  problem.vocabulary = std::move(table);
  Rows rows;
  for (const std::string& word : problem.vocabulary) {
    rows.try_emplace(word, static_cast<uint32_t>(rows.size()));
  }
  if (problem.vocabulary.empty()) {
    for (const AnalogyTask::Question& question : task.questions) {
      for (const std::string& word : question.words) {
        if (rows.try_emplace(word, static_cast<uint32_t>(rows.size())).second) {
          problem.vocabulary.push_back(word);
        }
      }
    }
  }
  for (const AnalogyTask::Question& question : task.questions) {
    AnalogyProblem::Question numbered;
    numbered.section = question.section;
    bool known = true;
    for (size_t i = 0; i < question.words.size(); ++i) {
      const std::optional<uint32_t> row = FindWord(rows, question.words[i]);
      known = known && row.has_value();
      numbered.words[i] = row.value_or(0);
    }
    if (known) {
      problem.questions.push_back(numbered);
    } else {
      ++problem.skipped;
    }
  }
  return problem;
}

absl::StatusOr<std::vector<std::string>> ReadVocabulary(const std::string& path, size_t most) {
  VECNEST_ASSIGN_OR_RETURN(const embedder::WordTable table, embedder::LoadWordTable(path));
  std::vector<std::string_view> by_row(table.ids.size());
  for (const auto& [word, row] : table.ids) by_row[static_cast<size_t>(row)] = word;
  std::vector<std::string> words;
  for (size_t i = 0; i < by_row.size() && words.size() < most; ++i) {
    if (IsUtf8(by_row[i])) words.emplace_back(by_row[i]);
  }
  return words;
}

absl::StatusOr<std::vector<uint8_t>> SolveAnalogies(const AnalogyProblem& problem,
                                                    const VectorMatrix& vocabulary, Metric metric,
                                                    size_t threads, const CallLimits& limits) {
  std::optional<VectorMatrix> scaled;
  if (metric == Metric::kCosine) scaled = Normalized(vocabulary);
  const VectorMatrix& words = scaled ? *scaled : vocabulary;
  VectorMatrix targets = {words.width, std::vector<float>(problem.questions.size() * words.width)};
  for (size_t q = 0; q < problem.questions.size(); ++q) {
    const auto [a, b, c, d] = problem.questions[q].words;
    const absl::Span<float> target = targets.Row(q);
    for (size_t i = 0; i < words.width; ++i) {
      target[i] = words.Row(b)[i] - words.Row(a)[i] + words.Row(c)[i];
    }
  }
  std::vector<uint8_t> right(problem.questions.size());
  // The three that are left out, and one more.
  const ExactSearch search = {.metric = metric, .limit = 4, .threads = threads};
  VECNEST_RETURN_IF_ERROR(SearchExactly(
      targets, words, search, limits, [&](size_t q, absl::Span<const uint32_t> nearest) {
        const auto& asked = problem.questions[q].words;
        const auto answer = std::find_if(nearest.begin(), nearest.end(), [&](uint32_t word) {
          return std::find(asked.begin(), asked.begin() + 3, word) == asked.begin() + 3;
        });
        right[q] = answer != nearest.end() && *answer == asked[3] ? 1 : 0;
      }));
  return right;
}

}  // namespace vecnest::engine::evaluation
