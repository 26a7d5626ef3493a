#include "net/cli/inspect_files.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <utility>

#include "fmt/format.h"

namespace vecnest::cli {
namespace {

using engine::Json;

std::vector<std::string> SplitAtTabs(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, '\t');) cells.push_back(std::move(cell));
  return cells;
}

std::vector<std::string> SplitAtBlanks(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream in(line);
  for (std::string word; in >> word;) words.push_back(std::move(word));
  return words;
}

absl::Status AtLine(const std::string& path, uint64_t line, const std::string& message) {
  return absl::InvalidArgumentError(fmt::format("{}:{}: {}", path, line, message));
}

// A member as text, whatever it was read as.
absl::StatusOr<std::string> TextOf(const Json& record, const std::string& field) {
  if (!record.is_object()) return absl::InvalidArgumentError("expected an object");
  const auto found = record.find(field);
  if (found == record.end()) {
    return absl::InvalidArgumentError(fmt::format("has no member or column '{}'", field));
  }
  return found->is_string() ? found->get<std::string>() : found->dump();
}

// Columns keep numbers of many digits as they are written.
absl::StatusOr<double> NumberOf(const Json& record, const std::string& field) {
  auto text = TextOf(record, field);
  if (!text.ok()) return text.status();
  double number = 0;
  const char* end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, number);
  if (read.ec == std::errc() && read.ptr == end && std::isfinite(number)) return number;
  return absl::InvalidArgumentError(fmt::format("{}: '{}', expected a number", field, *text));
}

absl::StatusOr<TextPair> ToPair(const Json& record, const PairFields& fields) {
  auto first = TextOf(record, fields.first);
  if (!first.ok()) return first.status();
  auto second = TextOf(record, fields.second);
  if (!second.ok()) return second.status();
  auto score = NumberOf(record, fields.score);
  if (!score.ok()) return score.status();
  return TextPair{*score, *std::move(first), *std::move(second)};
}

bool IsRecords(const std::string& path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  return ending == ".jsonl" || ending == ".ndjson" || ending == ".csv" || ending == ".tsv";
}

}  // namespace

absl::StatusOr<std::vector<AnalogyQuestion>> ReadAnalogies(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  const std::vector<std::string> header = {"section", "a", "b", "c", "d"};
  std::vector<AnalogyQuestion> questions;
  std::string section;
  bool separated = false;
  uint64_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    if (number == 1 && SplitAtTabs(line) == header) {
      separated = true;
      continue;
    }
    std::vector<std::string> cells = separated ? SplitAtTabs(line) : SplitAtBlanks(line);
    if (cells.empty()) continue;
    if (!separated && cells.front() == ":") {
      const size_t name = line.find_first_not_of(": \t");
      if (name == std::string::npos) return AtLine(path, number, "a section has no name");
      section = line.substr(name);
      continue;
    }
    if (!separated) cells.insert(cells.begin(), section);
    if (cells.size() != header.size()) {
      return AtLine(path, number,
                    fmt::format("expected {}, found {} fields",
                                separated ? "section, a, b, c and d separated by tabs"
                                          : "\": section\" or four words",
                                cells.size() - (separated ? 0 : 1)));
    }
    questions.push_back({cells[0], cells[1], cells[2], cells[3], cells[4]});
  }
  if (questions.empty()) return absl::InvalidArgumentError(path + ": there are no questions");
  return questions;
}

absl::StatusOr<std::vector<TextPair>> ReadPairs(const std::string& path, const PairFields& fields) {
  auto source = ImportSource::Open(path, "", fields.first, {});
  if (!source.ok()) return source.status();
  std::vector<TextPair> pairs;
  while (true) {
    auto record = (*source)->Next();
    auto pair = !record.ok() ? absl::StatusOr<TextPair>(record.status())
                : *record    ? ToPair(**record, fields)
                             : TextPair();
    if (!pair.ok()) {
      return AtLine(path, (*source)->record_line(), std::string(pair.status().message()));
    }
    if (!*record) return pairs;
    pairs.push_back(*std::move(pair));
  }
}

absl::StatusOr<std::unique_ptr<TextFile>> TextFile::Open(const std::string& path,
                                                         const std::string& text_field) {
  std::unique_ptr<TextFile> file(new TextFile);
  file->path_ = path;
  file->text_field_ = text_field;
  if (IsRecords(path)) {
    auto records = ImportSource::Open(path, "", text_field, {});
    if (!records.ok()) return records.status();
    file->records_ = *std::move(records);
    file->size_ = file->records_->size();
    return file;
  }
  file->lines_.open(path, std::ios::binary);
  std::error_code error;
  file->size_ = std::filesystem::file_size(path, error);
  if (error || !file->lines_) return absl::NotFoundError(path + ": cannot be read");
  return file;
}

absl::StatusOr<std::optional<std::string>> TextFile::Next() {
  if (records_ == nullptr) {
    std::string line;
    if (!std::getline(lines_, line)) return std::nullopt;
    read_ += line.size() + 1;
    return line;
  }
  auto record = records_->Next();
  if (record.ok() && !*record) return std::nullopt;
  auto text = record.ok() ? TextOf(**record, text_field_) : record.status();
  if (!text.ok()) {
    return AtLine(path_, records_->record_line(), std::string(text.status().message()));
  }
  return *std::move(text);
}

uint64_t TextFile::read_bytes() const {
  return records_ == nullptr ? read_ : records_->position().offset;
}

}  // namespace vecnest::cli
