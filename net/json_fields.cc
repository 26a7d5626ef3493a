#include "net/json_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace vecnest::net {
namespace {

std::string_view TypeOf(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::array:
    case Json::value_t::binary:  // packed floats
      return "a list";
    case Json::value_t::object:
      return "an object";
    default:
      return "a number";
  }
}

}  // namespace

absl::Status WrongType(std::string_view path, std::string_view expected, const Json& got) {
  return absl::InvalidArgumentError(fmt::format(
      "{}: expected {}, got {}", path.empty() ? "request body" : path, expected, TypeOf(got)));
}

std::string MemberPath(std::string_view parent, std::string_view member) {
  return parent.empty() ? std::string(member) : fmt::format("{}.{}", parent, member);
}

std::string ElementPath(std::string_view parent, size_t index) {
  return fmt::format("{}[{}]", parent, index);
}

JsonFields::JsonFields(const Json& value, std::string path, absl::Status& status)
    : value_(value), path_(std::move(path)), status_(status) {
  if (!value_.is_object()) Fail(WrongType(path_, "an object", value_));
}

void JsonFields::Fail(const absl::Status& status) { status_.Update(status); }

const Json* JsonFields::Find(std::string_view name) {
  known_.push_back(name);
  if (!status_.ok()) return nullptr;
  const auto found = value_.find(name);
  if (found == value_.end() || found->is_null()) return nullptr;
  return &*found;
}

const Json* JsonFields::Require(std::string_view name) {
  const Json* found = Find(name);
  if (found == nullptr) {
    Fail(absl::InvalidArgumentError(fmt::format("{}: missing", PathOf(name))));
  }
  return found;
}

std::optional<bool> JsonFields::Bool(std::string_view name) {
  const Json* found = Find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_boolean()) return found->get<bool>();
  Fail(WrongType(PathOf(name), "true or false", *found));
  return std::nullopt;
}

std::optional<std::string> JsonFields::String(std::string_view name) {
  const Json* found = Find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  Fail(WrongType(PathOf(name), "a string", *found));
  return std::nullopt;
}

std::optional<double> JsonFields::Number(std::string_view name) {
  const Json* found = Find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_number()) return found->get<double>();
  Fail(WrongType(PathOf(name), "a number", *found));
  return std::nullopt;
}

std::optional<int64_t> JsonFields::Integer(std::string_view name, int64_t low, int64_t high) {
  const Json* found = Find(name);
  if (found == nullptr) return std::nullopt;
  const bool too_large =
      found->is_number_unsigned() &&
      found->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (found->is_number_integer() && !too_large) {
    const auto value = found->get<int64_t>();
    if (value >= low && value <= high) return value;
  }
  const std::string expected = fmt::format("an integer from {} to {}", low, high);
  if (found->is_number()) {
    Fail(absl::InvalidArgumentError(
        fmt::format("{}: expected {}, got {}", PathOf(name), expected, found->dump())));
  } else {
    Fail(WrongType(PathOf(name), expected, *found));
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> JsonFields::Strings(std::string_view name) {
  const Json* found = Find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_binary()) {  // packed floats
    Fail(WrongType(ElementPath(PathOf(name), 0), "a string", 0));
    return std::nullopt;
  }
  if (!found->is_array()) {
    Fail(WrongType(PathOf(name), "a list of strings", *found));
    return std::nullopt;
  }
  std::vector<std::string> strings;
  for (const Json& element : *found) {
    if (!element.is_string()) {
      Fail(WrongType(ElementPath(PathOf(name), strings.size()), "a string", element));
      return std::nullopt;
    }
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

void JsonFields::Ignore(std::initializer_list<std::string_view> names) {
  known_.insert(known_.end(), names);
}

void JsonFields::Refuse(std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    if (Find(name) != nullptr) {
      Fail(absl::UnimplementedError(fmt::format("{}: not supported by Vecnest", PathOf(name))));
    }
    known_.pop_back();
  }
}

void JsonFields::Finish() {
  if (!status_.ok()) return;
  for (const auto& [name, member] : value_.items()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end() || member.is_null()) continue;
    std::sort(known_.begin(), known_.end());
    known_.erase(std::unique(known_.begin(), known_.end()), known_.end());
    Fail(absl::InvalidArgumentError(fmt::format("{}: unknown field; expected one of: {}",
                                                PathOf(name), fmt::join(known_, ", "))));
    return;
  }
}

std::optional<std::vector<float>> ReadFloats(const Json& value, std::string_view path,
                                             absl::Status& status) {
  if (!status.ok()) return std::nullopt;
  if (auto packed = engine::PackedFloats(value)) return packed;
  if (!value.is_array()) {
    status = WrongType(path, "a list of numbers", value);
    return std::nullopt;
  }
  std::vector<float> floats;
  floats.reserve(value.size());
  for (const Json& element : value) {
    if (!element.is_number()) {
      status = WrongType(ElementPath(path, floats.size()), "a finite number", element);
      return std::nullopt;
    }
    const auto number = static_cast<float>(element.get<double>());
    if (!std::isfinite(number)) {
      status = absl::InvalidArgumentError(
          fmt::format("{}: expected a finite number, got {} (beyond the range of a float)",
                      ElementPath(path, floats.size()), element.dump()));
      return std::nullopt;
    }
    floats.push_back(number);
  }
  return floats;
}

}  // namespace vecnest::net
