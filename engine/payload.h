// Reading and changing parts of a payload by path.
#ifndef VECNEST_ENGINE_PAYLOAD_H_
#define VECNEST_ENGINE_PAYLOAD_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/json.h"
#include "vecnest/types.h"

namespace vecnest::engine {

// "author.name", "tags[]", "pages[3].title", "\"a.b\".c": names joined by dots; [] is every
// element of a list, [n] one of them; a name with special characters stands in quotes.
class PayloadPath {
 public:
  struct Step {
    enum class Kind { kName, kEvery, kIndex } kind;
    std::string name;
    size_t index = 0;
    friend bool operator==(const Step&, const Step&) = default;
  };

  // InvalidArgument says what is wrong with the path.
  static absl::StatusOr<PayloadPath> Parse(std::string_view text);

  const std::vector<Step>& steps() const { return steps_; }

  // Calls `visit` for every value the path leads to until it returns true; true then. Lists in the
  // middle of the path are entered even without [].
  bool AnyOf(const Json& payload, absl::FunctionRef<bool(const Json&)> visit) const;

  // Merges `values` into every object the path leads to, creating objects on the way.
  void Merge(Json& payload, const Json& values) const;

  // Removes every value the path leads to.
  void Remove(Json& payload) const;

 private:
  std::vector<Step> steps_;
};

// The first string that the path leads to.
std::optional<std::string> FirstText(const PayloadPath& path, const Json& payload);

// The part of a payload (JSON object text) that the selector asks for; nothing for kNone.
// Paths of the selector that do not parse are InvalidArgument.
absl::StatusOr<std::optional<std::string>> SelectPayload(std::string_view payload,
                                                         const PayloadSelector& selector);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_H_
