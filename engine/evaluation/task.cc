#include "engine/evaluation/task.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "embedder/status_macros.h"
#include "engine/evaluation/table_file.h"
#include "engine/evaluation/text_set.h"
#include "fmt/format.h"

namespace vecnest::engine::evaluation {
namespace {

namespace fs = std::filesystem;

absl::Status CheckText(const std::string& text, const std::string& column,
                       const std::string& place) {
  if (!text.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{}: the {} is empty", place, column));
}

absl::Status TooFew(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", path, what));
}

// Sentences in pairs, and what `read` makes of the third column.
absl::StatusOr<PairTask> ReadPairs(
    const TaskSpec& spec, const std::string& third, Task& task,
    const std::function<absl::StatusOr<double>(const std::string&, const std::string&)>& read) {
  PairTask gold;
  TextSet texts;
  const std::string columns[] = {spec.first, spec.second, third};
  const absl::Status read_rows = ReadTable(
      spec.path, columns, {},
      [&](absl::Span<const std::string> values, const std::string& place) -> absl::Status {
        for (size_t i = 0; i < 2; ++i) {
          VECNEST_RETURN_IF_ERROR(CheckText(values[i], columns[i], place));
        }
        VECNEST_ASSIGN_OR_RETURN(const double score, read(values[2], place));
        gold.first.push_back(texts.Add(values[0]));
        gold.second.push_back(texts.Add(values[1]));
        gold.scores.push_back(score);
        return absl::OkStatus();
      });
  VECNEST_RETURN_IF_ERROR(read_rows);
  task.texts = texts.Take();
  task.counts = {{"pairs", gold.scores.size()}};
  return gold;
}

absl::Status LoadSts(const TaskSpec& spec, Task& task) {
  VECNEST_ASSIGN_OR_RETURN(
      PairTask gold,
      ReadPairs(spec, spec.score, task, [&](const std::string& score, const std::string& place) {
        return ParseNumber(score, spec.score, place);
      }));
  if (std::set<double>(gold.scores.begin(), gold.scores.end()).size() < 2) {
    return TooFew(spec.path, "all scores are equal: no correlation with them is defined");
  }
  task.gold = std::move(gold);
  return absl::OkStatus();
}

absl::Status LoadPairClassification(const TaskSpec& spec, Task& task) {
  VECNEST_ASSIGN_OR_RETURN(
      PairTask gold,
      ReadPairs(spec, spec.label, task,
                [&](const std::string& label, const std::string& place) -> absl::StatusOr<double> {
                  VECNEST_RETURN_IF_ERROR(CheckText(label, spec.label, place));
                  return label == spec.positive ? 1 : 0;
                }));
  const auto positive =
      static_cast<size_t>(std::count(gold.scores.begin(), gold.scores.end(), 1.0));
  if (positive == 0 || positive == gold.scores.size()) {
    return TooFew(spec.path, fmt::format("{} of {} pairs have the {} '{}', which positive= names; "
                                         "average precision needs pairs with it and without",
                                         positive, gold.scores.size(), spec.label, spec.positive));
  }
  task.counts.emplace_back("positive", positive);
  task.gold = std::move(gold);
  return absl::OkStatus();
}

using LabelNumbers = absl::flat_hash_map<std::string, uint32_t>;

absl::StatusOr<LabelledTexts> ReadLabelled(const TaskSpec& spec, const std::string& path,
                                           LabelNumbers& numbers, TextSet& texts) {
  LabelledTexts labelled;
  const std::string columns[] = {spec.text, spec.label};
  const absl::Status read_rows = ReadTable(
      path, columns, {},
      [&](absl::Span<const std::string> values, const std::string& place) -> absl::Status {
        VECNEST_RETURN_IF_ERROR(CheckText(values[0], spec.text, place));
        VECNEST_RETURN_IF_ERROR(CheckText(values[1], spec.label, place));
        labelled.texts.push_back(texts.Add(values[0]));
        const auto number = static_cast<uint32_t>(numbers.size());
        labelled.labels.push_back(numbers.try_emplace(values[1], number).first->second);
        return absl::OkStatus();
      });
  VECNEST_RETURN_IF_ERROR(read_rows);
  return labelled;
}

absl::Status CheckLabels(const std::string& path, size_t labels) {
  if (labels >= 2) return absl::OkStatus();
  return TooFew(path, "all rows have one label; at least two are needed");
}

absl::Status LoadClassification(const TaskSpec& spec, Task& task) {
  const fs::path folder = spec.path;
  if (!fs::is_directory(folder)) {
    return TooFew(spec.path,
                  "not a folder; a classification task is one with train.tsv and "
                  "test.tsv in it, or with the files that train= and test= name");
  }
  const std::string train_path = (folder / spec.train).string();
  LabelNumbers numbers;
  TextSet texts;
  ClassificationTask gold;
  VECNEST_ASSIGN_OR_RETURN(gold.train, ReadLabelled(spec, train_path, numbers, texts));
  VECNEST_RETURN_IF_ERROR(CheckLabels(train_path, numbers.size()));
  gold.labels = numbers.size();
  VECNEST_ASSIGN_OR_RETURN(gold.test,
                           ReadLabelled(spec, (folder / spec.test).string(), numbers, texts));
  if (numbers.size() > gold.labels) {
    task.warnings.push_back(fmt::format("{} labels of {} are not in {}; their rows count as wrong",
                                        numbers.size() - gold.labels, spec.test, spec.train));
  }
  task.texts = texts.Take();
  task.counts = {{"train", gold.train.texts.size()},
                 {"test", gold.test.texts.size()},
                 {"labels", gold.labels}};
  task.gold = std::move(gold);
  return absl::OkStatus();
}

absl::Status LoadClustering(const TaskSpec& spec, Task& task) {
  LabelNumbers numbers;
  TextSet texts;
  ClusteringTask gold;
  VECNEST_ASSIGN_OR_RETURN(gold.items, ReadLabelled(spec, spec.path, numbers, texts));
  gold.labels = numbers.size();
  VECNEST_RETURN_IF_ERROR(CheckLabels(spec.path, gold.labels));
  task.texts = texts.Take();
  task.counts = {{"texts", gold.items.texts.size()}, {"labels", gold.labels}};
  task.gold = std::move(gold);
  return absl::OkStatus();
}

absl::Status LoadAnalogies(const TaskSpec& spec, Task& task) {
  AnalogyTask gold;
  gold.vocabulary = spec.vocabulary;
  absl::flat_hash_map<std::string, size_t> sections;
  const std::string columns[] = {"a", "b", "c", "d", spec.section};
  const auto take = [&](absl::Span<const std::string> values,
                        const std::string& place) -> absl::Status {
    AnalogyTask::Question question;
    for (size_t i = 0; i < question.words.size(); ++i) {
      VECNEST_RETURN_IF_ERROR(CheckText(values[i], columns[i], place));
      question.words[i] = values[i];
    }
    const auto [section, is_new] = sections.try_emplace(values[4], sections.size());
    if (is_new) gold.sections.push_back(values[4]);
    question.section = section->second;
    gold.questions.push_back(std::move(question));
    return absl::OkStatus();
  };
  VECNEST_ASSIGN_OR_RETURN(const std::vector<std::string> header, ReadColumns(spec.path));
  const bool sectioned = !header.empty() && BeginsSection(header.front());
  VECNEST_RETURN_IF_ERROR(sectioned ? ReadQuestionsWords(spec.path, take)
                                    : ReadTable(spec.path, columns, {spec.section}, take));
  task.counts = {{"questions", gold.questions.size()}, {"sections", gold.sections.size()}};
  task.gold = std::move(gold);
  return absl::OkStatus();
}

// "stsb/dev" of "data/stsb/dev.tsv", "scifact" of a folder.
std::string NameAfter(const std::string& path) {
  fs::path normal = fs::path(path).lexically_normal();
  if (!normal.has_filename()) normal = normal.parent_path();
  if (fs::is_directory(normal)) return normal.filename().string();
  const std::string folder = normal.parent_path().filename().string();
  return folder.empty() ? normal.stem().string() : folder + "/" + normal.stem().string();
}

absl::StatusOr<TaskType> DetectType(const std::string& path) {
  if (fs::is_directory(path)) {
    if (fs::exists(fs::path(path) / "corpus.jsonl")) return TaskType::kRetrieval;
  } else {
    VECNEST_ASSIGN_OR_RETURN(const std::vector<std::string> columns, ReadColumns(path));
    const auto has = [&](const char* name) {
      return std::find(columns.begin(), columns.end(), name) != columns.end();
    };
    if (!columns.empty() && BeginsSection(columns.front())) return TaskType::kAnalogy;
    if (has("a") && has("b") && has("c") && has("d")) return TaskType::kAnalogy;
    if (has("sentence1") && has("sentence2") && has("score")) return TaskType::kSts;
  }
  return absl::InvalidArgumentError(
      fmt::format("{}: the files do not tell which task this is; say it: retrieval:{}, "
                  "or sts:, pairs:, classification:, clustering:, analogy:",
                  path, path));
}

}  // namespace

absl::StatusOr<Task> LoadTask(const TaskSpec& spec) {
  if (!fs::exists(spec.path)) {
    return absl::NotFoundError(
        fmt::format("task '{}': there is no such file or folder", spec.path));
  }
  Task task;
  task.path = spec.path;
  task.name = spec.name.empty() ? NameAfter(spec.path) : spec.name;
  task.prefix = spec.prefix;
  if (spec.type) {
    task.type = *spec.type;
  } else {
    VECNEST_ASSIGN_OR_RETURN(task.type, DetectType(spec.path));
  }
  const auto load = [&] {
    switch (task.type) {
      case TaskType::kRetrieval:
        return LoadRetrieval(spec, task);
      case TaskType::kSts:
        return LoadSts(spec, task);
      case TaskType::kPairClassification:
        return LoadPairClassification(spec, task);
      case TaskType::kClassification:
        return LoadClassification(spec, task);
      case TaskType::kClustering:
        return LoadClustering(spec, task);
      case TaskType::kAnalogy:
        break;
    }
    return LoadAnalogies(spec, task);
  };
  VECNEST_RETURN_IF_ERROR(load());
  return task;
}

}  // namespace vecnest::engine::evaluation
