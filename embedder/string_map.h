// Hash maps that are asked with a std::string_view. (Debian's Abseil has a string_view of its own,
// which its hash maps take instead.)
#ifndef VECNEST_EMBEDDER_STRING_MAP_H_
#define VECNEST_EMBEDDER_STRING_MAP_H_

#include <cstddef>
#include <functional>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace vecnest::embedder {

struct StringViewHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// Key: std::string, or std::string_view where the bytes belong to somebody else.
template <typename Key, typename Value>
using StringMap = absl::flat_hash_map<Key, Value, StringViewHash, std::equal_to<>>;

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_STRING_MAP_H_
