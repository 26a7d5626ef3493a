// Enumerations by the names that users know.
#ifndef VECNEST_ENGINE_ENUM_NAMES_H_
#define VECNEST_ENGINE_ENUM_NAMES_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace vecnest {

// The enumerator whose name stands at its place in `names`; InvalidArgument lists the choices of
// `what`.
template <class Enum, size_t kCount>
absl::StatusOr<Enum> ParseName(const std::array<std::string_view, kCount>& names,
                               std::string_view what, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<Enum>(found - names.begin());
  return absl::InvalidArgumentError(
      fmt::format("unknown {} '{}', expected one of {}", what, name, fmt::join(names, ", ")));
}

}  // namespace vecnest

#endif  // VECNEST_ENGINE_ENUM_NAMES_H_
