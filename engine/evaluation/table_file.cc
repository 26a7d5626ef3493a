#include "engine/evaluation/table_file.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "embedder/status_macros.h"
#include "engine/json.h"
#include "fmt/format.h"

namespace vecnest::engine::evaluation {
namespace {

absl::Status Malformed(const std::string& place, const std::string& what) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", place, what));
}

absl::StatusOr<std::ifstream> Open(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return absl::NotFoundError(fmt::format("{}: there is no such file", path));
  }
  if (std::filesystem::is_directory(status)) {
    return absl::InvalidArgumentError(fmt::format("{} is a folder, expected a file", path));
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (file) return file;
  return absl::PermissionDeniedError(fmt::format("{}: {}", path, std::strerror(errno)));
}

// The next line without its end; false at the end of the file.
bool TakeLine(std::ifstream& file, std::string& line) {
  if (!std::getline(file, line)) return false;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

std::vector<std::string> SplitAtTabs(const std::string& line) {
  std::vector<std::string> fields;
  size_t begin = 0;
  for (size_t tab = line.find('\t'); tab != std::string::npos; tab = line.find('\t', begin)) {
    fields.push_back(line.substr(begin, tab - begin));
    begin = tab + 1;
  }
  fields.push_back(line.substr(begin));
  return fields;
}

// Columns that are asked for, and whether they may be missing.
struct Wanted {
  absl::Span<const std::string> columns;
  absl::Span<const std::string> optional;

  bool IsOptional(const std::string& column) const {
    return std::find(optional.begin(), optional.end(), column) != optional.end();
  }
};

// Where in a TSV's line each wanted column stands; nothing where an optional one is not there.
absl::StatusOr<std::vector<std::optional<size_t>>> FindColumns(
    const std::vector<std::string>& header, const Wanted& wanted, const std::string& path) {
  std::vector<std::optional<size_t>> places;
  for (const std::string& column : wanted.columns) {
    const auto found = std::find(header.begin(), header.end(), column);
    if (found != header.end()) {
      if (std::find(found + 1, header.end(), column) != header.end()) {
        return Malformed(path, fmt::format("two columns are called '{}'", column));
      }
      places.emplace_back(static_cast<size_t>(found - header.begin()));
      continue;
    }
    if (!wanted.IsOptional(column)) {
      return Malformed(path, fmt::format("no column '{}' in its first line, which names: {}",
                                         column, fmt::join(header, ", ")));
    }
    places.emplace_back(std::nullopt);
  }
  return places;
}

absl::StatusOr<std::string> ReadField(const Json& object, const std::string& key, bool optional,
                                      const std::string& place) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    if (optional) return std::string();
    std::vector<std::string> keys;
    for (const auto& [name, value] : object.items()) keys.push_back(name);
    return Malformed(place, fmt::format("no key '{}'; there are: {}", key, fmt::join(keys, ", ")));
  }
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number() || found->is_boolean()) return found->dump();
  return Malformed(place, fmt::format("'{}' is neither a string nor a number", key));
}

absl::StatusOr<std::vector<std::string>> ReadObject(const std::string& line, const Wanted& wanted,
                                                    const std::string& place) {
  VECNEST_ASSIGN_OR_RETURN(const Json object, ParseJsonObject(line, place));
  std::vector<std::string> values;
  for (const std::string& column : wanted.columns) {
    VECNEST_ASSIGN_OR_RETURN(values.emplace_back(),
                             ReadField(object, column, wanted.IsOptional(column), place));
  }
  return values;
}

// Calls `read` for every further line.
absl::Status ForEachLine(
    std::ifstream& file, const std::string& path, size_t lines_before,
    absl::FunctionRef<absl::Status(const std::string& line, const std::string& place)> read) {
  size_t number = lines_before;
  for (std::string line; TakeLine(file, line);) {
    const std::string place = fmt::format("{} line {}", path, ++number);
    if (line.empty()) return Malformed(place, "the line is empty");
    if (!IsUtf8(line)) return Malformed(place, "not valid UTF-8");
    VECNEST_RETURN_IF_ERROR(read(line, place));
  }
  if (file.bad()) return absl::InternalError(fmt::format("reading {} failed", path));
  if (number == lines_before) return Malformed(path, "there are no rows");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> TakeHeader(std::ifstream& file, const std::string& path) {
  std::string line;
  if (!TakeLine(file, line)) return Malformed(path, "the file is empty");
  if (!IsUtf8(line)) return Malformed(path + " line 1", "not valid UTF-8");
  return SplitAtTabs(line);
}

}  // namespace

bool IsJsonLines(std::string_view path) { return path.ends_with(".jsonl"); }

absl::StatusOr<std::vector<std::string>> ReadColumns(const std::string& path) {
  if (IsJsonLines(path)) return std::vector<std::string>();
  VECNEST_ASSIGN_OR_RETURN(std::ifstream file, Open(path));
  return TakeHeader(file, path);
}

absl::Status ReadTable(const std::string& path, absl::Span<const std::string> columns,
                       absl::Span<const std::string> optional, RowSink sink) {
  VECNEST_ASSIGN_OR_RETURN(std::ifstream file, Open(path));
  const Wanted wanted = {columns, optional};
  if (IsJsonLines(path)) {
    return ForEachLine(file, path, 0, [&](const std::string& line, const std::string& place) {
      const auto values = ReadObject(line, wanted, place);
      return values.ok() ? sink(*values, place) : values.status();
    });
  }
  VECNEST_ASSIGN_OR_RETURN(const std::vector<std::string> header, TakeHeader(file, path));
  VECNEST_ASSIGN_OR_RETURN(const auto places, FindColumns(header, wanted, path));
  std::vector<std::string> values(columns.size());
  return ForEachLine(file, path, 1, [&](const std::string& line, const std::string& place) {
    std::vector<std::string> fields = SplitAtTabs(line);
    if (fields.size() != header.size()) {
      return Malformed(place,
                       fmt::format("{} fields between tabs, expected {} as in the first line",
                                   fields.size(), header.size()));
    }
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = places[i] ? std::move(fields[*places[i]]) : std::string();
    }
    return sink(values, place);
  });
}

bool BeginsSection(std::string_view line) { return line.starts_with(':'); }

absl::Status ReadQuestionsWords(const std::string& path, RowSink sink) {
  constexpr size_t kWords = 4;
  VECNEST_ASSIGN_OR_RETURN(std::ifstream file, Open(path));
  std::string section;
  return ForEachLine(file, path, 0, [&](const std::string& line, const std::string& place) {
    if (BeginsSection(line)) {
      const size_t name = line.find_first_not_of(": \t");
      if (name == std::string::npos) return Malformed(place, "the section has no name");
      section = line.substr(name);
      return absl::OkStatus();
    }
    std::vector<std::string> values;
    std::istringstream words(line);
    for (std::string word; words >> word;) values.push_back(std::move(word));
    if (values.size() != kWords) {
      return Malformed(
          place, fmt::format("{} words, expected {}, or \": section\"", values.size(), kWords));
    }
    values.push_back(section);
    return sink(values, place);
  });
}

absl::StatusOr<double> ParseNumber(std::string_view text, std::string_view what,
                                   const std::string& place) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(number)) return number;
  return Malformed(place, fmt::format("{} '{}' is no number", what, text));
}

}  // namespace vecnest::engine::evaluation
