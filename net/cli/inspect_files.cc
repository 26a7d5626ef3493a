#include "net/cli/inspect_files.h"

#include <filesystem>
#include <utility>
#include <variant>

#include "engine/evaluation/task.h"
#include "fmt/format.h"

namespace vecnest::cli {
namespace {

using engine::Json;

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

bool IsRecords(const std::string& path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  return ending == ".jsonl" || ending == ".ndjson" || ending == ".csv" || ending == ".tsv";
}

}  // namespace

absl::StatusOr<std::vector<AnalogyQuestion>> ReadAnalogies(const std::string& path) {
  TaskSpec spec;
  spec.type = TaskType::kAnalogy;
  spec.path = path;
  auto task = engine::evaluation::LoadTask(spec);
  if (!task.ok()) return task.status();
  const auto& gold = std::get<engine::evaluation::AnalogyTask>(task->gold);
  std::vector<AnalogyQuestion> questions;
  questions.reserve(gold.questions.size());
  for (const auto& [words, section] : gold.questions) {
    questions.push_back({gold.sections[section], words[0], words[1], words[2], words[3]});
  }
  return questions;
}

absl::StatusOr<std::vector<TextPair>> ReadPairs(TaskSpec spec) {
  spec.type = TaskType::kSts;
  auto task = engine::evaluation::LoadTask(spec);
  if (!task.ok()) return task.status();
  const auto& gold = std::get<engine::evaluation::PairTask>(task->gold);
  std::vector<TextPair> pairs;
  pairs.reserve(gold.scores.size());
  for (size_t i = 0; i < gold.scores.size(); ++i) {
    pairs.push_back({gold.scores[i], task->texts[gold.first[i]], task->texts[gold.second[i]]});
  }
  return pairs;
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
