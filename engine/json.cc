#include "engine/json.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "simdjson.h"

namespace vecnest::engine {
namespace {

// simdjson tells the size of a list only up to this.
constexpr size_t kMostPacked = 0xFFFFFE;

// Byte position where nesting exceeds the limit, or npos. Works on any bytes.
size_t PositionTooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return i;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return std::string_view::npos;
}

// The name of the member that is being read at `position`, as far as the text before it tells.
std::string MemberBefore(std::string_view text, size_t position) {
  const size_t colon = text.substr(0, position).rfind("\":");
  if (colon == std::string_view::npos || colon == 0) return "";
  const size_t open = text.rfind('"', colon - 1);
  if (open == std::string_view::npos || colon - open > 64) return "";
  return fmt::format(" in '{}'", text.substr(open + 1, colon - open - 1));
}

absl::Status Explain(std::string_view text, std::string_view what, size_t position,
                     std::string_view reason) {
  const std::string_view rest = text.substr(std::min(position, text.size()));
  for (std::string_view word : {"NaN", "Infinity", "-Infinity", "nan", "inf", "-inf"}) {
    if (rest.starts_with(word)) {
      return absl::InvalidArgumentError(
          fmt::format("{}: {} at byte {}{} is not a JSON number; expected a finite number", what,
                      word, position, MemberBefore(text, position)));
    }
  }
  return absl::InvalidArgumentError(fmt::format("{}: not valid JSON at byte {}{}: {}", what,
                                                position, MemberBefore(text, position), reason));
}

// nlohmann's messages begin with "[json.exception.parse_error.101] "; the rest is for people.
std::string_view WithoutTag(std::string_view message) {
  const size_t end = message.find("] ");
  return end == std::string_view::npos ? message : message.substr(end + 2);
}

// Nothing: not a list of finite floats with at least one. Flattened: a call for each number takes
// longer than what is done with it.
[[gnu::flatten]] std::optional<Json> Pack(const simdjson::dom::element& element) {
  simdjson::dom::array list;
  if (element.get(list) != simdjson::SUCCESS) return std::nullopt;
  const size_t size = list.size();
  if (size == 0 || size > kMostPacked || !(*list.begin()).is_number()) return std::nullopt;
  Json::binary_t::container_type bytes(size * sizeof(float));
  uint8_t* to = bytes.data();
  for (const simdjson::dom::element number : list) {
    double value = 0;
    if (number.get(value) != simdjson::SUCCESS) return std::nullopt;
    const auto rounded = static_cast<float>(value);
    if (!std::isfinite(rounded)) return std::nullopt;
    std::memcpy(to, &rounded, sizeof(float));
    to += sizeof(float);
  }
  return Json::binary(std::move(bytes));
}

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Where an element is, for what PackedLists says.
enum class Place {
  kElsewhere,
  kMember,  // of a name that is packed
  kExcept,
};

// Of what is in an element.
Place Within(Place place, const PackedLists& packed) {
  return place == Place::kMember && !packed.nested ? Place::kElsewhere : place;
}

Place OfMember(std::string_view name, Place object, const PackedLists& packed) {
  const Place within = Within(object, packed);
  if (within == Place::kExcept || Contains(packed.except, name)) return Place::kExcept;
  return Contains(packed.members, name) ? Place::kMember : within;
}

// The value of an element that simdjson read, as nlohmann's parser makes it. Nothing: nested too
// deep.
std::optional<Json> Convert(const simdjson::dom::element& element, const PackedLists& packed,
                            Place place, int depth) {
  using Type = simdjson::dom::element_type;
  switch (element.type()) {
    case Type::ARRAY: {
      if (depth == kMaxJsonDepth) return std::nullopt;
      if (place == Place::kMember) {
        if (auto floats = Pack(element)) return floats;
      }
      const simdjson::dom::array from = element.get_array().value_unsafe();
      Json::array_t to;
      to.reserve(from.size());
      for (const simdjson::dom::element child : from) {
        if (child.type() == Type::DOUBLE) {  // most elements that there are
          to.emplace_back(child.get_double().value_unsafe());
          continue;
        }
        auto value = Convert(child, packed, Within(place, packed), depth + 1);
        if (!value) return std::nullopt;
        to.push_back(*std::move(value));
      }
      return Json(std::move(to));
    }
    case Type::OBJECT: {
      if (depth == kMaxJsonDepth) return std::nullopt;
      const simdjson::dom::object from = element.get_object().value_unsafe();
      Json::object_t to;
      for (const simdjson::dom::key_value_pair member : from) {
        auto value = Convert(member.value, packed, OfMember(member.key, place, packed), depth + 1);
        if (!value) return std::nullopt;
        to.insert_or_assign(std::string(member.key), *std::move(value));
      }
      return Json(std::move(to));
    }
    case Type::INT64: {
      const int64_t value = element.get_int64().value_unsafe();
      return value < 0 ? Json(value) : Json(static_cast<uint64_t>(value));
    }
    case Type::UINT64:
      return Json(element.get_uint64().value_unsafe());
    case Type::DOUBLE:
      return Json(element.get_double().value_unsafe());
    case Type::STRING:
      return Json(std::string(element.get_string().value_unsafe()));
    case Type::BOOL:
      return Json(element.get_bool().value_unsafe());
    case Type::NULL_VALUE:
      break;
  }
  return Json(nullptr);
}

// The fast way, for texts in which nothing is wrong: most bodies are lists of numbers, and those
// simdjson reads several times as fast. What it does not take is left to the parser whose messages
// say where and why, integers beyond 64 bits among it.
std::optional<Json> ParseFast(std::string_view text, const PackedLists& packed) {
  // What a parser once needed it keeps; that of a thread should stay small.
  constexpr size_t kLargestKept = size_t{1} << 20;
  thread_local simdjson::dom::parser kept;
  std::optional<simdjson::dom::parser> own;
  simdjson::dom::parser& parser = text.size() <= kLargestKept ? kept : own.emplace();
  const auto document = parser.parse(text.data(), text.size());
  if (document.error() != simdjson::SUCCESS) return std::nullopt;
  return Convert(document.value_unsafe(), packed, Place::kElsewhere, 0);
}

}  // namespace

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

void Discard(Json& value) {
  if (auto* list = value.get_ptr<Json::array_t*>()) {
    for (Json& element : *list) {
      if (element.is_structured()) Discard(element);
    }
    list->clear();
  } else if (auto* members = value.get_ptr<Json::object_t*>()) {
    for (auto& [name, member] : *members) {
      if (member.is_structured()) Discard(member);
    }
  }
  value = nullptr;
}

std::optional<std::vector<float>> PackedFloats(const Json& value) {
  if (!value.is_binary()) return std::nullopt;
  const auto& bytes = value.get_binary();
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), floats.size() * sizeof(float));
  return floats;
}

absl::StatusOr<Json> ParseJson(std::string_view text, std::string_view what,
                               const PackedLists& packed) {
  if (auto value = ParseFast(text, packed)) return *std::move(value);
  if (const size_t position = PositionTooDeep(text); position != std::string_view::npos) {
    return absl::InvalidArgumentError(fmt::format("{}: nested more than {} levels deep at byte {}",
                                                  what, kMaxJsonDepth, position));
  }
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    // The parser stops one past the offending token's first bytes; step back to its start.
    size_t position = std::min(error.byte == 0 ? 0 : error.byte - 1, text.size());
    while (position > 0 && (std::isalpha(static_cast<unsigned char>(text[position - 1])) != 0 ||
                            text[position - 1] == '-')) {
      --position;
    }
    return Explain(text, what, position, WithoutTag(error.what()));
  } catch (const Json::out_of_range& error) {
    return absl::InvalidArgumentError(fmt::format("{}: {}; expected a number that a double holds",
                                                  what, WithoutTag(error.what())));
  }
}

absl::StatusOr<Json> ParseJsonObject(std::string_view text, std::string_view what) {
  auto value = ParseJson(text, what);
  if (value.ok() && !value->is_object()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: expected a JSON object, got {}", what, value->type_name()));
  }
  return value;
}

}  // namespace vecnest::engine
