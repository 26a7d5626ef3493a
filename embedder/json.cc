#include "embedder/json.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"

namespace vecnest::embedder {

// Node is never defined: a Node pointer is a disguised nlohmann::json pointer.
struct Json::Document {
  nlohmann::json root;
};

namespace {

template <typename NodeType>
const nlohmann::json& Value(const NodeType* node) {
  return *reinterpret_cast<const nlohmann::json*>(node);
}

}  // namespace

absl::StatusOr<Json> Json::Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(fmt::format("{}: cannot be opened", path));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return absl::DataLossError(fmt::format("{}: cannot be read", path));
  return Parse(text, path);
}

absl::StatusOr<Json> Json::Parse(std::string_view text, std::string source) {
  auto document = std::make_shared<Document>();
  document->root = nlohmann::json::parse(text.begin(), text.end(), nullptr,
                                         /*allow_exceptions=*/false);
  if (document->root.is_discarded()) {
    return absl::InvalidArgumentError(fmt::format("{}: not valid JSON", source));
  }
  const auto* root = reinterpret_cast<const Node*>(&document->root);
  return Json(std::move(document), root, std::move(source));
}

bool Json::IsObject() const { return Value(node_).is_object(); }
bool Json::IsArray() const { return Value(node_).is_array(); }
bool Json::IsString() const { return Value(node_).is_string(); }

bool Json::IsNull(std::string_view key) const {
  if (!IsObject()) return false;
  const auto member = Value(node_).find(key);
  return member != Value(node_).end() && member->is_null();
}

std::optional<Json> Json::Find(std::string_view key) const {
  if (!IsObject()) return std::nullopt;
  const auto member = Value(node_).find(key);
  if (member == Value(node_).end() || member->is_null()) return std::nullopt;
  return Json(document_, reinterpret_cast<const Node*>(&*member),
              fmt::format("{}: field \"{}\"", name_, key));
}

std::vector<Json> Json::Elements() const {
  std::vector<Json> elements;
  if (!IsArray()) return elements;
  elements.reserve(Value(node_).size());
  for (const nlohmann::json& element : Value(node_)) {
    elements.push_back(Json(document_, reinterpret_cast<const Node*>(&element),
                            fmt::format("{}[{}]", name_, elements.size())));
  }
  return elements;
}

std::vector<std::pair<std::string, Json>> Json::Members() const {
  std::vector<std::pair<std::string, Json>> members;
  if (!IsObject()) return members;
  members.reserve(Value(node_).size());
  for (const auto& item : Value(node_).items()) {
    members.emplace_back(item.key(), Json(document_, reinterpret_cast<const Node*>(&item.value()),
                                          fmt::format("{}: field \"{}\"", name_, item.key())));
  }
  return members;
}

absl::Status Json::WrongType(std::string_view expected) const {
  return absl::InvalidArgumentError(
      fmt::format("{}: expected {}, found {}", name_, expected, Value(node_).type_name()));
}

absl::StatusOr<int64_t> Json::AsInt() const {
  const nlohmann::json& value = Value(node_);
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return absl::InvalidArgumentError(fmt::format("{}: {} is too large", name_, number));
    }
    return static_cast<int64_t>(number);
  }
  if (!value.is_number_integer()) return WrongType("an integer");
  return value.get<int64_t>();
}

absl::StatusOr<double> Json::AsDouble() const {
  if (!Value(node_).is_number()) return WrongType("a number");
  return Value(node_).get<double>();
}

absl::StatusOr<bool> Json::AsBool() const {
  if (!Value(node_).is_boolean()) return WrongType("true or false");
  return Value(node_).get<bool>();
}

absl::StatusOr<std::string> Json::AsString() const {
  if (!IsString()) return WrongType("a string");
  return Value(node_).get<std::string>();
}

absl::StatusOr<Json> Json::Get(std::string_view key) const {
  if (!IsObject()) return WrongType("an object");
  std::optional<Json> member = Find(key);
  if (!member) return absl::InvalidArgumentError(fmt::format("{}: no field \"{}\"", name_, key));
  return *std::move(member);
}

absl::StatusOr<int64_t> Json::GetInt(std::string_view key) const {
  const absl::StatusOr<Json> member = Get(key);
  return member.ok() ? member->AsInt() : member.status();
}

absl::StatusOr<std::string> Json::GetString(std::string_view key) const {
  const absl::StatusOr<Json> member = Get(key);
  return member.ok() ? member->AsString() : member.status();
}

absl::StatusOr<int64_t> Json::GetInt(std::string_view key, int64_t fallback) const {
  const std::optional<Json> member = Find(key);
  return member ? member->AsInt() : fallback;
}

absl::StatusOr<double> Json::GetDouble(std::string_view key, double fallback) const {
  const std::optional<Json> member = Find(key);
  return member ? member->AsDouble() : fallback;
}

absl::StatusOr<bool> Json::GetBool(std::string_view key, bool fallback) const {
  const std::optional<Json> member = Find(key);
  return member ? member->AsBool() : fallback;
}

absl::StatusOr<std::string> Json::GetString(std::string_view key, std::string_view fallback) const {
  const std::optional<Json> member = Find(key);
  return member ? member->AsString() : std::string(fallback);
}

std::string JsonString(std::string_view text) {
  // Replacing what is no UTF-8, so that nothing is thrown.
  return nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/false,
                                   nlohmann::json::error_handler_t::replace);
}

}  // namespace vecnest::embedder
