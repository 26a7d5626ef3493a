#include "engine/payload.h"

#include <charconv>
#include <span>

#include "fmt/format.h"

namespace vecnest::engine {
namespace {

// Paths are followed by recursion.
constexpr size_t kMaxSteps = 64;

using Step = PayloadPath::Step;
using Steps = std::span<const Step>;

absl::Status BadPath(std::string_view text, std::string_view reason) {
  return absl::InvalidArgumentError(fmt::format("payload key '{}': {}", text, reason));
}

// Takes one name off the front of `rest`.
absl::StatusOr<std::string> TakeName(std::string_view text, std::string_view& rest) {
  if (rest.starts_with('"')) {
    const size_t close = rest.find('"', 1);
    if (close == std::string_view::npos) return BadPath(text, "the quote is not closed");
    std::string name(rest.substr(1, close - 1));
    rest.remove_prefix(close + 1);
    return name;
  }
  const size_t end = std::min(rest.find_first_of(".["), rest.size());
  if (end == 0) return BadPath(text, "expected a name");
  std::string name(rest.substr(0, end));
  rest.remove_prefix(end);
  return name;
}

// Takes "[]" or "[n]" off the front of `rest`.
absl::StatusOr<Step> TakeBrackets(std::string_view text, std::string_view& rest) {
  const size_t close = rest.find(']');
  if (close == std::string_view::npos) return BadPath(text, "'[' is not closed");
  const std::string_view inside = rest.substr(1, close - 1);
  rest.remove_prefix(close + 1);
  if (inside.empty()) return Step{Step::Kind::kEvery, "", 0};
  size_t index = 0;
  const auto [end, error] = std::from_chars(inside.data(), inside.data() + inside.size(), index);
  if (error != std::errc() || end != inside.data() + inside.size()) {
    return BadPath(text, "expected [] or a number in brackets");
  }
  return Step{Step::Kind::kIndex, "", index};
}

bool AnyAt(Steps steps, const Json& value, absl::FunctionRef<bool(const Json&)> visit) {
  if (steps.empty()) return visit(value);
  const Step& step = steps.front();
  if (step.kind == Step::Kind::kName) {
    if (value.is_object()) {
      const auto found = value.find(step.name);
      return found != value.end() && AnyAt(steps.subspan(1), *found, visit);
    }
    if (!value.is_array()) return false;
    for (const Json& element : value) {
      if (AnyAt(steps, element, visit)) return true;
    }
    return false;
  }
  if (!value.is_array()) return false;
  if (step.kind == Step::Kind::kIndex) {
    return step.index < value.size() && AnyAt(steps.subspan(1), value[step.index], visit);
  }
  for (const Json& element : value) {
    if (AnyAt(steps.subspan(1), element, visit)) return true;
  }
  return false;
}

void MergeAt(Steps steps, Json& value, const Json& values) {
  if (steps.empty()) {
    if (!value.is_object()) value = Json::object();
    value.update(values);
    return;
  }
  const Step& step = steps.front();
  if (step.kind == Step::Kind::kName) {
    if (!value.is_object()) value = Json::object();
    MergeAt(steps.subspan(1), value[step.name], values);
    return;
  }
  if (!value.is_array()) value = Json::array();
  if (step.kind == Step::Kind::kIndex) {
    if (step.index < value.size()) MergeAt(steps.subspan(1), value[step.index], values);
    return;
  }
  for (Json& element : value) MergeAt(steps.subspan(1), element, values);
}

void RemoveAt(Steps steps, Json& value) {
  const Step& step = steps.front();
  const bool last = steps.size() == 1;
  if (step.kind == Step::Kind::kName) {
    if (value.is_array()) {
      for (Json& element : value) RemoveAt(steps, element);
    } else if (value.is_object()) {
      const auto found = value.find(step.name);
      if (found == value.end()) return;
      if (last) {
        value.erase(found);
      } else {
        RemoveAt(steps.subspan(1), *found);
      }
    }
    return;
  }
  if (!value.is_array()) return;
  if (step.kind == Step::Kind::kIndex) {
    if (step.index >= value.size()) return;
    if (last) {
      value.erase(value.begin() + static_cast<std::ptrdiff_t>(step.index));
    } else {
      RemoveAt(steps.subspan(1), value[step.index]);
    }
    return;
  }
  if (last) {
    value.clear();
  } else {
    for (Json& element : value) RemoveAt(steps.subspan(1), element);
  }
}

// The part of `value` that `paths` (none of them empty) lead to; null when there is none.
Json Include(const Json& value, const std::vector<Steps>& paths) {
  if (value.is_array()) {
    std::vector<Steps> inner;
    for (Steps path : paths) {
      const bool brackets = path.front().kind != Step::Kind::kName;
      if (brackets && path.size() == 1) return value;
      inner.push_back(brackets ? path.subspan(1) : path);
    }
    Json kept = Json::array();
    for (const Json& element : value) {
      Json part = Include(element, inner);
      if (!part.is_null()) kept.push_back(std::move(part));
    }
    return kept;
  }
  if (!value.is_object()) return nullptr;
  Json kept = Json::object();
  for (const auto& [name, member] : value.items()) {
    std::vector<Steps> inner;
    bool whole = false;
    for (Steps path : paths) {
      if (path.front().name != name || path.front().kind != Step::Kind::kName) continue;
      if (path.size() == 1) whole = true;
      inner.push_back(path.subspan(1));
    }
    if (whole) {
      kept[name] = member;
    } else if (!inner.empty()) {
      Json part = Include(member, inner);
      if (!part.is_null()) kept[name] = std::move(part);
    }
  }
  return kept;
}

}  // namespace

absl::StatusOr<PayloadPath> PayloadPath::Parse(std::string_view text) {
  if (!IsUtf8(text)) return absl::InvalidArgumentError("payload key: not valid UTF-8");
  PayloadPath path;
  std::string_view rest = text;
  while (true) {
    auto name = TakeName(text, rest);
    if (!name.ok()) return name.status();
    path.steps_.push_back({Step::Kind::kName, *std::move(name), 0});
    while (rest.starts_with('[')) {
      auto step = TakeBrackets(text, rest);
      if (!step.ok()) return step.status();
      path.steps_.push_back(*std::move(step));
    }
    if (path.steps_.size() > kMaxSteps) {
      return BadPath(text.substr(0, 64), fmt::format("more than {} names deep", kMaxSteps));
    }
    if (rest.empty()) return path;
    if (!rest.starts_with('.')) return BadPath(text, "expected '.' between names");
    rest.remove_prefix(1);
  }
}

bool PayloadPath::AnyOf(const Json& payload, absl::FunctionRef<bool(const Json&)> visit) const {
  return AnyAt(steps_, payload, visit);
}

void PayloadPath::Merge(Json& payload, const Json& values) const {
  MergeAt(steps_, payload, values);
}

void PayloadPath::Remove(Json& payload) const { RemoveAt(steps_, payload); }

std::optional<std::string> FirstText(const PayloadPath& path, const Json& payload) {
  std::optional<std::string> text;
  path.AnyOf(payload, [&](const Json& value) {
    if (value.is_string()) text = value.get<std::string>();
    return value.is_string();
  });
  return text;
}

absl::StatusOr<std::optional<std::string>> SelectPayload(std::string_view payload,
                                                         const PayloadSelector& selector) {
  if (selector.kind == PayloadSelector::Kind::kNone) return std::nullopt;
  if (selector.kind == PayloadSelector::Kind::kAll) return std::string(payload);
  std::vector<PayloadPath> paths;
  for (const std::string& key : selector.keys) {
    auto path = PayloadPath::Parse(key);
    if (!path.ok()) return path.status();
    paths.push_back(*std::move(path));
  }
  auto value = ParseJsonObject(payload, "payload");
  if (!value.ok()) return value.status();
  if (selector.kind == PayloadSelector::Kind::kExclude) {
    for (const PayloadPath& path : paths) path.Remove(*value);
    return value->dump();
  }
  std::vector<Steps> included;
  included.reserve(paths.size());
  for (const PayloadPath& path : paths) included.emplace_back(path.steps());
  return Include(*value, included).dump();
}

}  // namespace vecnest::engine
