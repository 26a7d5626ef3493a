// A set of analogies, answered and counted.

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "embedder/architecture.h"
#include "embedder/inspection/nearest_rows.h"
#include "embedder/inspection/table_terms.h"
#include "embedder/string_map.h"
#include "engine/conversions.h"
#include "engine/inspection/named_tokens.h"
#include "engine/inspection/reports.h"

namespace vecnest::engine {
namespace {

using embedder::Encoder;
using WordRows = embedder::StringMap<std::string_view, int64_t>;

// Which row each word of the questions is; -1: none.
struct Candidates {
  embedder::RowSource rows;
  WordRows row_of;
  std::vector<float> matrix;  // what `rows` reads, where it is not the table
};

std::vector<std::string_view> DistinctWords(const std::vector<AnalogyQuestion>& questions) {
  std::vector<std::string_view> words;
  WordRows seen;
  for (const AnalogyQuestion& question : questions) {
    for (const std::string* word : {&question.a, &question.b, &question.c, &question.d}) {
      if (seen.try_emplace(*word, 0).second) words.push_back(*word);
    }
  }
  return words;
}

absl::Status EncodeWords(const Encoder& encoder, const std::vector<std::string_view>& words,
                         const AnalogyOptions& options, Candidates* candidates) {
  embedder::EncodeOptions encode;
  encode.type = ToTextType(options.inspect.type);
  encode.prefix = options.inspect.prefix;
  encode.truncate = false;
  auto encodings =
      encoder.Encode(words, encode, ToControl(embedder::Priority::kBulk, options.inspect.limits));
  if (!encodings.ok()) return encodings.status();
  for (size_t i = 0; i < words.size(); ++i) {
    const std::vector<float>& vector = (*encodings)[i].vector;
    candidates->row_of[words[i]] = static_cast<int64_t>(i);
    candidates->matrix.insert(candidates->matrix.end(), vector.begin(), vector.end());
  }
  return absl::OkStatus();
}

// The table's rows of those words that are single tokens, each once.
void GatherWords(const Encoder& encoder, const std::vector<std::string_view>& words,
                 Candidates* candidates) {
  const embedder::Architecture& architecture = *encoder.parts().architecture;
  const size_t width = architecture.shape().width;
  absl::flat_hash_map<int64_t, int64_t> places;  // by id
  for (const std::string_view word : words) {
    const int64_t id = candidates->row_of[word];
    if (id < 0) continue;
    const auto [place, added] = places.try_emplace(id, static_cast<int64_t>(places.size()));
    candidates->row_of[word] = place->second;
    if (!added) continue;
    candidates->matrix.resize(candidates->matrix.size() + width);
    architecture.TokenRow(static_cast<int32_t>(id),
                          candidates->matrix.data() + candidates->matrix.size() - width);
  }
}

absl::Status FindCandidates(const Encoder& encoder, const std::vector<std::string_view>& words,
                            const AnalogyOptions& options, Candidates* candidates) {
  if (options.encode) {
    const absl::Status status = EncodeWords(encoder, words, options, candidates);
    if (!status.ok()) return status;
  } else {
    candidates->rows = embedder::TokenTable(encoder, options.vocabulary, /*special=*/false);
    const auto tokens = static_cast<int64_t>(candidates->rows.count);
    for (const std::string_view word : words) {
      const int64_t id = embedder::WholeWord(encoder, word);
      candidates->row_of[word] = id < tokens ? id : -1;
    }
    if (options.among_questions) GatherWords(encoder, words, candidates);
  }
  if (options.encode || options.among_questions) {
    candidates->rows =
        embedder::MatrixRows(candidates->matrix, static_cast<size_t>(encoder.info().dimensions));
  }
  return absl::OkStatus();
}

// Those of the table that may be answers.
size_t CountCandidates(const embedder::RowSource& rows) {
  if (!rows.skip) return rows.count;
  size_t count = 0;
  for (size_t row = 0; row < rows.count; ++row) count += rows.skip(row) ? 0 : 1;
  return count;
}

AnalogySection& SectionOf(const std::string& name, std::vector<AnalogySection>* sections) {
  const auto found = std::find_if(sections->begin(), sections->end(),
                                  [&](const AnalogySection& s) { return s.name == name; });
  if (found != sections->end()) return *found;
  return sections->emplace_back(AnalogySection{.name = name});
}

}  // namespace

absl::StatusOr<AnalogyReport> ReportAnalogies(const Encoder& encoder,
                                              const std::vector<AnalogyQuestion>& questions,
                                              const AnalogyOptions& options,
                                              const InspectProgress& progress) {
  Candidates candidates;
  const absl::Status found =
      FindCandidates(encoder, DistinctWords(questions), options, &candidates);
  if (!found.ok()) return found;
  const auto row_of = [&](const std::string& word) { return candidates.row_of.find(word)->second; };
  std::vector<embedder::RowQuery> queries;
  std::vector<size_t> asked;  // which question each query is
  for (size_t i = 0; i < questions.size(); ++i) {
    const AnalogyQuestion& question = questions[i];
    const int64_t rows[] = {row_of(question.a), row_of(question.b), row_of(question.c),
                            row_of(question.d)};
    if (*std::min_element(std::begin(rows), std::end(rows)) < 0) continue;
    queries.push_back(embedder::AnalogyQuery(
        candidates.rows, {static_cast<size_t>(rows[1]), static_cast<size_t>(rows[0]),
                          static_cast<size_t>(rows[2])}));
    asked.push_back(i);
  }
  auto nearest =
      embedder::NearestRows(candidates.rows, queries, 1,
                            ToControl(embedder::Priority::kBulk, options.inspect.limits), progress);
  if (!nearest.ok()) return nearest.status();
  AnalogyReport report;
  report.model = NameModel(encoder);
  report.candidates = CountCandidates(candidates.rows);
  for (const AnalogyQuestion& question : questions) {
    ++SectionOf(question.section, &report.sections).questions;
  }
  for (size_t q = 0; q < queries.size(); ++q) {
    const AnalogyQuestion& question = questions[asked[q]];
    AnalogySection& section = SectionOf(question.section, &report.sections);
    ++section.asked;
    const auto& best = (*nearest)[q];
    const auto answer = static_cast<size_t>(row_of(question.d));
    if (!best.empty() && best.front().row == answer) ++section.right;
  }
  report.total.name = "total";
  for (const AnalogySection& section : report.sections) {
    report.total.questions += section.questions;
    report.total.asked += section.asked;
    report.total.right += section.right;
  }
  return report;
}

}  // namespace vecnest::engine
