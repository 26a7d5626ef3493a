#include "net/cli/import_source.h"

#include <filesystem>
#include <utility>

#include "fmt/format.h"
#include "net/codec_filter.h"
#include "net/codec_points.h"

namespace vecnest::cli {
namespace {

using engine::Json;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// A quote that stays open for longer is a mistake.
constexpr size_t kMaxRowBytes = 1 << 20;
constexpr size_t kDigitsOfDouble = 15;

// A column's text as JSON: a number, true, false, a list or an object when it reads as one.
// What JSON would not give back as it was ("007", "1e5", twenty digits) stays a string.
Json CellValue(const std::string& cell) {
  if (std::string_view("-0123456789tf[{").find(cell[0]) == std::string_view::npos) return cell;
  auto value = engine::ParseJson(cell, "");
  if (!value.ok() || value->is_string()) return cell;
  const bool plain = cell.find_first_of("eE") == std::string::npos;
  if (value->is_number_float() && (!plain || cell.size() > kDigitsOfDouble)) return cell;
  return *std::move(value);
}

// A JSON string of the same bytes, with spaces for ASCII.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += static_cast<unsigned char>(c) >= 0x80 ? c : ' ';
  return quoted + '"';
}

bool IsUtf8(const std::string& text) {
  for (const unsigned char c : text) {
    // Only what is not ASCII is worth the trip through JSON, which checks it.
    if (c >= 0x80) return engine::ParseJson(Quoted(text), "").ok();
  }
  return true;
}

absl::StatusOr<PointId> ReadId(const Json& value) {
  if (value.is_string()) return PointId::Parse(value.get<std::string>());
  absl::Status status;
  const auto id = net::ReadPointId(value, "id", status);
  if (!id) return status;
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
    if (!text->is_string()) {
      return absl::InvalidArgumentError(fmt::format("{}: expected a string", fields.text));
    }
    point.vectors[""] =
        Text{text->get<std::string>(), fields.model, std::nullopt, fields.truncate, fields.chunk};
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
                                                                 const std::string& text_field,
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
  source->text_field_ = text_field;
  if (source->separator_ != '\0') {
    auto header = source->ReadRow(source->header_);
    if (!header.ok()) return header.status();
    if (!*header) return absl::InvalidArgumentError(file + ": the header row is missing");
  }
  if (start.offset > 0) source->Seek(start);
  return source;
}

void ImportSource::Seek(const ImportPosition& position) {
  stream_.clear();
  stream_.seekg(static_cast<std::streamoff>(position.offset));
  position_ = position;
}

bool ImportSource::ReadLine(std::string& line) {
  if (!std::getline(stream_, line)) return false;
  const bool first = position_.offset == 0;
  position_.offset += line.size() + (stream_.eof() ? 0 : 1);
  ++position_.line;
  if (first && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
  return true;
}

absl::StatusOr<bool> ImportSource::ReadRow(std::vector<std::string>& row) {
  row.clear();
  std::string line;
  if (!ReadLine(line)) return false;
  record_line_ = position_.line;
  const ImportPosition second_line = position_;
  std::string cell;
  bool quoted = false;
  bool was_quoted = false;
  for (size_t i = 0;;) {
    if (i == line.size()) {
      if (!quoted) break;
      cell += '\n';
      i = 0;
      if (cell.size() < kMaxRowBytes && ReadLine(line)) continue;
      Seek(second_line);
      return absl::InvalidArgumentError("a quote is not closed");
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
    } else if (c == '"' && cell.empty() && !was_quoted && separator_ == ',') {
      quoted = was_quoted = true;
    } else if (c == separator_) {
      row.push_back(std::exchange(cell, ""));
      was_quoted = false;
    } else if (c != '\r' || i != line.size()) {
      if (was_quoted) {
        Seek(second_line);
        return absl::InvalidArgumentError("text follows a closing quote");
      }
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
    record_line_ = position_.line;
    ++position_.items;
    auto json = engine::ParseJson(line, "line");
    if (!json.ok()) return json.status();
    return *std::move(json);
  }
  std::vector<std::string> row;
  do {
    auto read = ReadRow(row);
    if (read.ok() && !*read) return std::nullopt;
    if (!read.ok()) {
      ++position_.items;
      return read.status();
    }
  } while (row.size() == 1 && row[0].empty());
  ++position_.items;
  if (row.size() != header_.size()) {
    return absl::InvalidArgumentError(
        fmt::format("has {} fields, the header {}", row.size(), header_.size()));
  }
  Json record = Json::object();
  for (size_t i = 0; i < row.size(); ++i) {
    if (!IsUtf8(row[i])) {
      return absl::InvalidArgumentError(fmt::format("{}: not UTF-8", header_[i]));
    }
    if (row[i].empty()) continue;
    record[header_[i]] = header_[i] == text_field_ ? Json(row[i]) : CellValue(row[i]);
  }
  return record;
}

}  // namespace vecnest::cli
