// Deciding whether a point passes a filter.
#ifndef VECNEST_ENGINE_FILTER_MATCH_H_
#define VECNEST_ENGINE_FILTER_MATCH_H_

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "engine/json.h"
#include "vecnest/filter.h"

namespace vecnest::engine {

// A filter made ready for many points: paths parsed, lists of ids sorted. Immutable, thread-safe.
class FilterMatcher {
 public:
  // InvalidArgument: a payload key that does not parse, or filters nested too deep.
  static absl::StatusOr<FilterMatcher> Compile(const Filter& filter);

  FilterMatcher(FilterMatcher&&) noexcept;
  FilterMatcher& operator=(FilterMatcher&&) noexcept;
  ~FilterMatcher();

  // `has_vector` tells whether the point has a vector of that name.
  bool Matches(const PointId& id, const Json& payload,
               absl::FunctionRef<bool(std::string_view)> has_vector) const;

  // The only ids that can pass, sorted, when the filter names them; nothing when any id may.
  std::optional<std::vector<PointId>> CandidateIds() const;

 private:
  struct Node;
  explicit FilterMatcher(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_FILTER_MATCH_H_
