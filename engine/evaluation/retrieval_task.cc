#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "embedder/status_macros.h"
#include "engine/evaluation/table_file.h"
#include "engine/evaluation/task.h"
#include "fmt/format.h"

namespace vecnest::engine::evaluation {
namespace {

using Numbers = absl::flat_hash_map<std::string, uint32_t>;

// As mteb and BEIR put a document together.
std::string JoinTitle(const std::string& title, const std::string& text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const std::string joined = title + " " + text;
  const size_t begin = joined.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return "";
  return joined.substr(begin, joined.find_last_not_of(kBlanks) + 1 - begin);
}

absl::Status AddId(Numbers& numbers, const std::string& id, const std::string& place) {
  if (id.empty()) return absl::InvalidArgumentError(fmt::format("{}: the _id is empty", place));
  if (numbers.try_emplace(id, static_cast<uint32_t>(numbers.size())).second) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(fmt::format("{}: the _id '{}' is there twice", place, id));
}

absl::StatusOr<Numbers> ReadCorpus(const std::string& path, Task& task, RetrievalTask& gold) {
  Numbers numbers;
  const std::string columns[] = {"_id", "title", "text"};
  const absl::Status read_rows = ReadTable(
      path, columns, {columns[1]},
      [&](absl::Span<const std::string> values, const std::string& place) -> absl::Status {
        VECNEST_RETURN_IF_ERROR(AddId(numbers, values[0], place));
        task.texts.push_back(JoinTitle(values[1], values[2]));
        return absl::OkStatus();
      });
  VECNEST_RETURN_IF_ERROR(read_rows);
  std::vector<const std::string*> ids(numbers.size());
  for (const auto& [id, number] : numbers) ids[number] = &id;
  std::vector<uint32_t> order(numbers.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return *ids[a] > *ids[b]; });
  gold.tie_order.resize(order.size());
  for (uint32_t place = 0; place < order.size(); ++place) gold.tie_order[order[place]] = place;
  return numbers;
}

absl::StatusOr<std::map<std::string, std::string>> ReadQueries(const std::string& path) {
  std::map<std::string, std::string> queries;
  Numbers seen;
  const std::string columns[] = {"_id", "text"};
  const absl::Status read_rows = ReadTable(
      path, columns, {},
      [&](absl::Span<const std::string> values, const std::string& place) -> absl::Status {
        VECNEST_RETURN_IF_ERROR(AddId(seen, values[0], place));
        queries[values[0]] = values[1];
        return absl::OkStatus();
      });
  VECNEST_RETURN_IF_ERROR(read_rows);
  return queries;
}

// Grades by query; each query and document at most once.
struct Grade {
  std::string document;
  int grade = 0;
};
using Qrels = std::map<std::string, std::vector<Grade>>;

absl::StatusOr<Qrels> ReadQrels(const std::string& path,
                                const std::map<std::string, std::string>& queries) {
  Qrels qrels;
  absl::flat_hash_map<std::string, bool> seen;
  const std::string columns[] = {"query-id", "corpus-id", "score"};
  const absl::Status read_rows = ReadTable(
      path, columns, {},
      [&](absl::Span<const std::string> values, const std::string& place) -> absl::Status {
        VECNEST_ASSIGN_OR_RETURN(const double grade, ParseNumber(values[2], "the score", place));
        if (grade != std::trunc(grade) || std::fabs(grade) > std::numeric_limits<int16_t>::max()) {
          return absl::InvalidArgumentError(
              fmt::format("{}: the score {} is no whole number of a grade", place, values[2]));
        }
        if (queries.count(values[0]) == 0) {
          return absl::InvalidArgumentError(fmt::format(
              "{}: the query '{}' is not in queries.jsonl beside qrels/", place, values[0]));
        }
        if (!seen.try_emplace(values[0] + '\t' + values[1], true).second) {
          return absl::InvalidArgumentError(fmt::format(
              "{}: query '{}' and document '{}' were judged before", place, values[0], values[1]));
        }
        qrels[values[0]].push_back({values[1], static_cast<int>(grade)});
        return absl::OkStatus();
      });
  VECNEST_RETURN_IF_ERROR(read_rows);
  return qrels;
}

}  // namespace

absl::Status LoadRetrieval(const TaskSpec& spec, Task& task) {
  const std::filesystem::path folder = spec.path;
  RetrievalTask gold;
  VECNEST_ASSIGN_OR_RETURN(const Numbers documents,
                           ReadCorpus((folder / "corpus.jsonl").string(), task, gold));
  VECNEST_ASSIGN_OR_RETURN(const auto queries, ReadQueries((folder / "queries.jsonl").string()));
  const std::string qrels_path = (folder / "qrels" / (spec.split + ".tsv")).string();
  VECNEST_ASSIGN_OR_RETURN(const Qrels qrels, ReadQrels(qrels_path, queries));
  uint64_t judgements = 0;
  uint64_t missing = 0;
  for (const auto& [id, grades] : qrels) {
    RetrievalTask::Query query;
    query.text = queries.at(id);
    if (const auto self = documents.find(id); spec.exclude_self && self != documents.end()) {
      query.excluded = self->second;
    }
    for (const Grade& judged : grades) {
      ++judgements;
      const auto document = documents.find(judged.document);
      if (document != documents.end()) {
        query.judgements.grades[document->second] = judged.grade;
      } else {
        ++missing;
        if (judged.grade > 0) query.judgements.missing.push_back(judged.grade);
      }
    }
    gold.queries.push_back(std::move(query));
  }
  if (missing > 0) {
    task.warnings.push_back(
        fmt::format("{} of {} judgements in {} are of documents that are not in "
                    "corpus.jsonl; relevant ones count as not found",
                    missing, judgements, qrels_path));
  }
  task.counts = {{"documents", task.texts.size()},
                 {"queries", gold.queries.size()},
                 {"judgements", judgements}};
  task.gold = std::move(gold);
  return absl::OkStatus();
}

}  // namespace vecnest::engine::evaluation
