#include "net/cli/import_source.h"

#include <filesystem>
#include <utility>

#include "fmt/format.h"
#include "net/codec_filter.h"
#include "net/codec_points.h"

namespace vecnest::cli {
namespace {

using engine::Json;

// A column's text as JSON: a number, true, false, a list or an object when it reads as one.
Json CellValue(const std::string& cell) {
  if (cell.empty()) return nullptr;
  Json value = Json::parse(cell, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded() || value.is_string()) return cell;
  // "007" and "1e5" are more likely names than numbers.
  if (value.is_number() && value.dump() != cell) return cell;
  return value;
}

absl::StatusOr<PointId> ReadId(const Json& value) {
  if (value.is_string()) return PointId::Parse(value.get<std::string>());
  absl::Status status;
  const auto id = net::ReadPointId(value, "id", status);
  if (!status.ok()) return status;
  return *id;
}

}  // namespace

absl::StatusOr<Point> ToPoint(const Json& record, const FieldNames& fields, uint64_t number) {
  if (!record.is_object()) return absl::InvalidArgumentError("expected an object");
  Point point;
  point.id = number;
  const auto member = [&](const std::string& name) -> const Json* {
    const auto found = record.find(name);
    return found == record.end() || found->is_null() ? nullptr : &*found;
  };
  if (const Json* id = member(fields.id)) {
    auto read = ReadId(*id);
    if (!read.ok()) return read.status();
    point.id = *read;
  }
  const Json* vector = member(fields.vector);
  const Json* text = member(fields.text);
  if (vector != nullptr) {
    absl::Status status;
    point.vectors = net::ReadNamedInputs(*vector, fields.vector, status);
    if (!status.ok()) return status;
  } else if (text != nullptr) {
    const std::string content = text->is_string() ? text->get<std::string>() : text->dump();
    point.vectors[""] = Text{content, fields.model, std::nullopt};
  } else {
    return absl::InvalidArgumentError(
        fmt::format("has neither '{}' nor '{}'", fields.text, fields.vector));
  }
  if (!fields.payload.empty()) {
    const Json* payload = member(fields.payload);
    if (payload != nullptr && !payload->is_object()) {
      return absl::InvalidArgumentError(fmt::format("{}: expected an object", fields.payload));
    }
    point.payload = payload == nullptr ? "{}" : payload->dump();
    return point;
  }
  Json payload = Json::object();
  for (const auto& [name, value] : record.items()) {
    if (name != fields.id && name != fields.vector) payload[name] = value;
  }
  point.payload = payload.dump();
  return point;
}

absl::StatusOr<std::unique_ptr<ImportSource>> ImportSource::Open(const std::string& file,
                                                                 std::string format,
                                                                 const ImportPosition& start) {
  if (format.empty()) {
    const std::string ending = std::filesystem::path(file).extension().string();
    format = ending == ".ndjson" ? "jsonl" : ending.substr(ending.empty() ? 0 : 1);
  }
  std::unique_ptr<ImportSource> source(new ImportSource);
  if (format == "csv") {
    source->separator_ = ',';
  } else if (format == "tsv") {
    source->separator_ = '\t';
  } else if (format != "jsonl") {
    return absl::InvalidArgumentError(fmt::format(
        "{}: format '{}' is not known; expected jsonl, csv or tsv (see --format)", file, format));
  }
  std::error_code error;
  source->size_ = std::filesystem::file_size(file, error);
  source->stream_.open(file, std::ios::binary);
  if (error || !source->stream_) {
    return absl::NotFoundError(fmt::format("{}: cannot be read", file));
  }
  if (source->separator_ != '\0' && !source->ReadRow(source->header_)) {
    return absl::InvalidArgumentError(fmt::format("{}: the header row is missing", file));
  }
  if (start.offset > 0) {
    source->stream_.clear();
    source->stream_.seekg(static_cast<std::streamoff>(start.offset));
    source->position_ = start;
  }
  return source;
}

bool ImportSource::ReadLine(std::string& line) {
  if (!std::getline(stream_, line)) return false;
  position_.offset += line.size() + (stream_.eof() ? 0 : 1);
  ++position_.line;
  return true;
}

bool ImportSource::ReadRow(std::vector<std::string>& row) {
  row.clear();
  std::string line;
  if (!ReadLine(line)) return false;
  std::string cell;
  bool quoted = false;
  size_t i = 0;
  while (true) {
    if (i == line.size()) {
      std::string more;
      if (!quoted || !ReadLine(more)) break;
      cell += '\n';
      line = std::move(more);
      i = 0;
      continue;
    }
    const char c = line[i++];
    if (quoted) {
      if (c != '"') {
        cell += c;
      } else if (i < line.size() && line[i] == '"') {
        cell += line[i++];
      } else {
        quoted = false;
      }
    } else if (c == '"' && cell.empty() && separator_ == ',') {
      quoted = true;
    } else if (c == separator_) {
      row.push_back(std::exchange(cell, ""));
    } else if (c != '\r' || i != line.size()) {
      cell += c;
    }
  }
  row.push_back(std::move(cell));
  return true;
}

absl::StatusOr<std::optional<Json>> ImportSource::Next() {
  if (separator_ == '\0') {
    std::string line;
    do {
      if (!ReadLine(line)) return std::nullopt;
    } while (line.find_first_not_of(" \t\r") == std::string::npos);
    ++position_.items;
    auto json = engine::ParseJson(line, "line");
    if (!json.ok()) return json.status();
    return *std::move(json);
  }
  std::vector<std::string> row;
  do {
    if (!ReadRow(row)) return std::nullopt;
  } while (row.size() == 1 && row[0].empty());
  ++position_.items;
  if (row.size() != header_.size()) {
    return absl::InvalidArgumentError(
        fmt::format("has {} fields, the header {}", row.size(), header_.size()));
  }
  Json record = Json::object();
  for (size_t i = 0; i < row.size(); ++i) record[header_[i]] = CellValue(row[i]);
  return record;
}

}  // namespace vecnest::cli
