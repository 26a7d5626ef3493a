// The words of evaluation: types of tasks, codes, and tasks as one text.

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>

#include "embedder/status_macros.h"
#include "engine/enum_names.h"
#include "fmt/format.h"
#include "vecnest/evaluation.h"

namespace vecnest {
namespace {

constexpr std::array<std::string_view, 6> kTypeNames = {"retrieval",      "sts",        "pairs",
                                                        "classification", "clustering", "analogy"};
constexpr std::array<std::string_view, 6> kCodesNames = {"f32",  "f16",  "bf16",
                                                         "int8", "int4", "binary"};
constexpr std::array<std::string_view, 4> kPrefixNames = {"auto", "query", "document", "none"};

using enum TaskType;

// A key of a task: which types have it, and what it sets.
struct Key {
  std::string_view name;
  std::vector<TaskType> types;  // none: all
  std::function<absl::Status(TaskSpec&, std::string_view)> set;
};

Key TextKey(std::string_view name, std::vector<TaskType> types, std::string TaskSpec::* field) {
  return {name, std::move(types), [name, field](TaskSpec& spec, std::string_view value) {
            if (value.empty()) {
              return absl::InvalidArgumentError(fmt::format("{}= needs a value", name));
            }
            spec.*field = std::string(value);
            return absl::OkStatus();
          }};
}

absl::Status SetExcludeSelf(TaskSpec& spec, std::string_view value) {
  if (value != "yes" && value != "no") {
    return absl::InvalidArgumentError(fmt::format("exclude_self={}, expected yes or no", value));
  }
  spec.exclude_self = value == "yes";
  return absl::OkStatus();
}

absl::Status SetVocabulary(TaskSpec& spec, std::string_view value) {
  const char* end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, spec.vocabulary);
  if (parsed.ec == std::errc() && parsed.ptr == end && spec.vocabulary > 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("vocabulary={}, expected a number of words, 1 or more", value));
}

absl::Status SetPrefix(TaskSpec& spec, std::string_view value) {
  VECNEST_ASSIGN_OR_RETURN(spec.prefix, ParseName<TaskPrefix>(kPrefixNames, "prefix", value));
  return absl::OkStatus();
}

const std::vector<Key>& Keys() {
  static const std::vector<Key> keys = {
      TextKey("name", {}, &TaskSpec::name),
      {"prefix", {kSts, kPairClassification, kClassification, kClustering, kAnalogy}, SetPrefix},
      TextKey("split", {kRetrieval}, &TaskSpec::split),
      {"exclude_self", {kRetrieval}, SetExcludeSelf},
      TextKey("train", {kClassification}, &TaskSpec::train),
      TextKey("test", {kClassification}, &TaskSpec::test),
      TextKey("first", {kSts, kPairClassification}, &TaskSpec::first),
      TextKey("second", {kSts, kPairClassification}, &TaskSpec::second),
      TextKey("score", {kSts}, &TaskSpec::score),
      TextKey("label", {kPairClassification, kClassification, kClustering}, &TaskSpec::label),
      TextKey("text", {kClassification, kClustering}, &TaskSpec::text),
      TextKey("section", {kAnalogy}, &TaskSpec::section),
      TextKey("positive", {kPairClassification}, &TaskSpec::positive),
      {"vocabulary", {kAnalogy}, SetVocabulary}};
  return keys;
}

bool HasKey(const Key& key, TaskType type) {
  return key.types.empty() ||
         std::find(key.types.begin(), key.types.end(), type) != key.types.end();
}

absl::Status SetKey(TaskSpec& spec, std::string_view part) {
  const std::string_view name = part.substr(0, part.find('='));
  const auto key = std::find_if(Keys().begin(), Keys().end(),
                                [&](const Key& known) { return known.name == name; });
  std::vector<std::string_view> possible;
  for (const Key& known : Keys()) {
    if (!spec.type || HasKey(known, *spec.type)) possible.push_back(known.name);
  }
  if (key == Keys().end() || (spec.type && !HasKey(*key, *spec.type))) {
    return absl::InvalidArgumentError(fmt::format("{} is no key of {} task; expected one of {}",
                                                  name, spec.type ? "this" : "a",
                                                  fmt::join(possible, ", ")));
  }
  if (!spec.type && !key->types.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("{}= needs the task's type in front of its path, one of {}", name,
                    fmt::join(kTypeNames, ", ")));
  }
  return key->set(spec, part.substr(name.size() + 1));
}

// Where the first ",KEY=" begins that looks like one: a path may have commas.
size_t FindKey(std::string_view text, size_t from) {
  for (size_t comma = text.find(',', from); comma != std::string_view::npos;
       comma = text.find(',', comma + 1)) {
    const std::string_view rest = text.substr(comma + 1);
    const std::string_view name = rest.substr(0, rest.find('='));
    const bool is_name =
        !name.empty() && name.size() < rest.size() &&
        std::all_of(
            name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
    if (is_name) return comma;
  }
  return text.size();
}

}  // namespace

std::string_view TaskTypeName(TaskType type) { return kTypeNames[static_cast<size_t>(type)]; }

absl::StatusOr<TaskType> ParseTaskType(std::string_view name) {
  return ParseName<TaskType>(kTypeNames, "type of task", name);
}

std::string_view VectorCodesName(VectorCodes codes) {
  return kCodesNames[static_cast<size_t>(codes)];
}

absl::StatusOr<VectorCodes> ParseVectorCodes(std::string_view name) {
  return ParseName<VectorCodes>(kCodesNames, "codes", name);
}

absl::StatusOr<TaskSpec> ParseTaskSpec(std::string_view text) {
  TaskSpec spec;
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon < text.find('/')) {
    VECNEST_ASSIGN_OR_RETURN(spec.type, ParseTaskType(text.substr(0, colon)));
    text.remove_prefix(colon + 1);
  }
  size_t comma = FindKey(text, 0);
  spec.path = std::string(text.substr(0, comma));
  if (spec.path.empty()) {
    return absl::InvalidArgumentError("a task needs a path: [TYPE:]PATH[,KEY=VALUE]...");
  }
  while (comma < text.size()) {
    const size_t end = FindKey(text, comma + 1);
    VECNEST_RETURN_IF_ERROR(SetKey(spec, text.substr(comma + 1, end - comma - 1)));
    comma = end;
  }
  return spec;
}

}  // namespace vecnest
