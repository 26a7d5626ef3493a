#include "embedder/word_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "embedder/status_macros.h"
#include "embedder/utf8.h"

static_assert(std::endian::native == std::endian::little, "tables are stored little-endian");

namespace vecnest::embedder {
namespace {

constexpr size_t kMostWidth = 1 << 16;
constexpr size_t kMostWords = std::numeric_limits<int32_t>::max() - 1;
constexpr size_t kMostWordBytes = 1 << 12;

template <typename... Parts>
absl::Status Damaged(fmt::format_string<Parts...> form, Parts&&... parts) {
  return absl::InvalidArgumentError(fmt::format(form, std::forward<Parts>(parts)...));
}

// For errors: damaged words may be any bytes.
std::string Shown(std::string_view word) {
  constexpr size_t kMostShown = 60;
  std::string shown;
  for (const char c : word.substr(0, kMostShown)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return FindInvalidUtf8(shown) ? fmt::format("of {} bytes that are not UTF-8", word.size())
                                : fmt::format("\"{}\"", shown);
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Header {
  size_t words;
  size_t width;
};

std::optional<Header> ParseHeader(std::string_view line) {
  while (line.ends_with(' ')) line.remove_suffix(1);
  const size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto words = ParseNumber<size_t>(line.substr(0, blank));
  const auto width = ParseNumber<size_t>(line.substr(blank + 1));
  if (!words || !width) return std::nullopt;
  return Header{*words, *width};
}

absl::Status CheckSizes(const Header& header, const std::string& source) {
  if (header.width >= 1 && header.width <= kMostWidth && header.words >= 1 &&
      header.words <= kMostWords) {
    return absl::OkStatus();
  }
  return Damaged("{}: expected 1 to {} words of 1 to {} values, found {} of {}", source, kMostWords,
                 kMostWidth, header.words, header.width);
}

absl::Status AddWord(std::string_view word, const std::string& place, WordTable* table) {
  if (word.empty()) return Damaged("{}: expected a word, found none", place);
  const auto id = static_cast<int32_t>(table->ids.size());
  const auto [other, added] = table->ids.try_emplace(word, id);
  if (added) return absl::OkStatus();
  return Damaged("{}: the word {} is there twice, first as number {}", place, Shown(word),
                 other->second + 1);
}

// Takes the next line off `rest`, without its line feed and what an editor may have put before it.
std::string_view TakeLine(std::string_view* rest) {
  const size_t end = std::min(rest->find('\n'), rest->size());
  std::string_view line = rest->substr(0, end);
  rest->remove_prefix(std::min(end + 1, rest->size()));
  while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
  return line;
}

// One line of the text form: the last `width` fields are values, what stands before is the word.
absl::Status ReadLine(std::string_view line, const std::string& place, WordTable* table) {
  std::vector<float>& values = table->values;
  const size_t begin = values.size();
  values.resize(begin + table->width);
  for (size_t i = table->width; i-- > 0;) {
    const size_t blank = line.rfind(' ');
    if (blank == std::string_view::npos) {
      return Damaged("{}: expected a word and {} values, found only {} values", place, table->width,
                     table->width - 1 - i);
    }
    const std::string_view field = line.substr(blank + 1);
    // Read as double, for which denormal floats are no overflow.
    const auto number = ParseNumber<double>(field);
    const float value = number ? static_cast<float>(*number) : NAN;
    if (!std::isfinite(value)) {
      return Damaged("{}: value {}: expected a finite number, found {}", place, i + 1,
                     Shown(field));
    }
    values[begin + i] = value;
    line.remove_suffix(line.size() - blank);
  }
  const size_t blank = line.rfind(' ');
  if (blank != std::string_view::npos && ParseNumber<double>(line.substr(blank + 1))) {
    return Damaged("{}: expected a word and {} values, found more values after {}", place,
                   table->width, Shown(line.substr(0, blank)));
  }
  return AddWord(line, place, table);
}

absl::StatusOr<WordTable> ParseText(std::string_view rest, const std::string& source) {
  std::string_view after_first = rest;
  const std::string_view first = TakeLine(&after_first);
  size_t line_number = 0;
  const std::optional<Header> header = ParseHeader(first);
  const auto blanks = static_cast<size_t>(std::count(first.begin(), first.end(), ' '));
  Header sizes = header.value_or(Header{1, blanks});
  if (header) {
    rest = after_first;
    ++line_number;
  } else {
    sizes.words = static_cast<size_t>(std::count(rest.begin(), rest.end(), '\n')) + 1;
  }
  VECNEST_RETURN_IF_ERROR(CheckSizes(sizes, source));
  WordTable table;
  table.width = sizes.width;
  // A value takes two bytes at least: what a damaged header asks for is bounded by the file.
  table.values.reserve(std::min(sizes.words, rest.size() / (2 * sizes.width) + 1) * sizes.width);
  while (!rest.empty()) {
    const std::string_view line = TakeLine(&rest);
    ++line_number;
    VECNEST_RETURN_IF_ERROR(ReadLine(line, fmt::format("{}:{}", source, line_number), &table));
  }
  if (header && table.ids.size() != header->words) {
    return Damaged("{}: the first line says {} words, {} follow", source, header->words,
                   table.ids.size());
  }
  return table;
}

absl::StatusOr<WordTable> ParseBinary(std::string_view rest, const std::string& source) {
  const std::optional<Header> header = ParseHeader(TakeLine(&rest));
  if (!header) return Damaged("{}: expected a first line \"count width\"", source);
  VECNEST_RETURN_IF_ERROR(CheckSizes(*header, source));
  WordTable table;
  table.width = header->width;
  const size_t row_bytes = header->width * sizeof(float);
  const size_t least = header->words * (row_bytes + 2);
  if (rest.size() < least) {
    return Damaged("{}: {} words of {} values need at least {} bytes, found {}", source,
                   header->words, header->width, least, rest.size());
  }
  table.values.resize(header->words * header->width);
  for (size_t i = 0; i < header->words; ++i) {
    const std::string place = fmt::format("{}: word {} of {}", source, i + 1, header->words);
    while (rest.starts_with('\n')) rest.remove_prefix(1);
    const size_t length = rest.substr(0, kMostWordBytes + 1).find(' ');
    if (length == std::string_view::npos) {
      return Damaged("{}: expected a blank within {} bytes, found {}", place, kMostWordBytes,
                     Shown(rest));
    }
    const std::string_view word = rest.substr(0, length);
    rest.remove_prefix(length + 1);
    if (rest.size() < row_bytes) {
      return Damaged("{}: {}: expected {} bytes of values, found {}", place, Shown(word), row_bytes,
                     rest.size());
    }
    float* row = table.values.data() + i * header->width;
    std::memcpy(row, rest.data(), row_bytes);
    rest.remove_prefix(row_bytes);
    const float* bad = std::find_if_not(row, row + header->width,
                                        [](float value) { return std::isfinite(value); });
    if (bad != row + header->width) {
      return Damaged("{}: {}: value {}: expected a finite number, found {}", place, Shown(word),
                     bad - row + 1, *bad);
    }
    VECNEST_RETURN_IF_ERROR(AddWord(word, place, &table));
  }
  while (rest.starts_with('\n')) rest.remove_prefix(1);
  if (!rest.empty()) return Damaged("{}: {} bytes follow the last word", source, rest.size());
  return table;
}

}  // namespace

bool IsWordTable(std::string_view path) { return path.ends_with(".txt") || path.ends_with(".bin"); }

absl::StatusOr<WordTable> LoadWordTable(const std::string& path) {
  VECNEST_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  const absl::Span<const std::byte> bytes = file->bytes();
  const auto format = path.ends_with(".bin") ? WordTableFormat::kBinary : WordTableFormat::kText;
  VECNEST_ASSIGN_OR_RETURN(
      WordTable table,
      ParseWordTable({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, format, path));
  table.file = std::move(file);
  return table;
}

absl::StatusOr<WordTable> ParseWordTable(std::string_view bytes, WordTableFormat format,
                                         const std::string& source) {
  return format == WordTableFormat::kBinary ? ParseBinary(bytes, source) : ParseText(bytes, source);
}

}  // namespace vecnest::embedder
