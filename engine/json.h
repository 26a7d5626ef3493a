// Reading JSON that somebody else wrote.
#ifndef VECNEST_ENGINE_JSON_H_
#define VECNEST_ENGINE_JSON_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace vecnest::engine {

using Json = nlohmann::json;

// Deeper documents are refused: they are never meant, and writing them back would recurse as deep.
inline constexpr int kMaxJsonDepth = 128;

bool IsUtf8(std::string_view text);

// Which lists of numbers ParseJson packs: those that are finite floats and not empty. A vector
// takes a fraction of the time then that a value for each number does.
struct PackedLists {
  std::span<const std::string_view> members;  // in members of these names, at any depth
  bool nested = false;  // also those in lists and objects that such a member holds
  std::span<const std::string_view> except;  // in members of these names, nothing
};

// InvalidArgument says where the text stops being JSON: not UTF-8, nested too deep, NaN or
// Infinity, a number that no double holds, or a plain mistake. `what` begins the message.
//
// What is packed becomes Json's binary values, which no text makes otherwise: see PackedFloats.
absl::StatusOr<Json> ParseJson(std::string_view text, std::string_view what,
                               const PackedLists& packed = {});

// The floats of a packed list; nothing: the value is none.
std::optional<std::vector<float>> PackedFloats(const Json& value);

// The same, and the value must be an object.
absl::StatusOr<Json> ParseJsonObject(std::string_view text, std::string_view what);

// Makes a parsed value null. Its destructor would move the elements of a list to another one first,
// against deep nesting; for a list of numbers that takes longer than parsing them.
void Discard(Json& value);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_JSON_H_
