// Deciding whether a point passes a filter.
#ifndef VECNEST_ENGINE_FILTER_MATCH_H_
#define VECNEST_ENGINE_FILTER_MATCH_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "engine/json.h"
#include "vecnest/filter.h"

namespace vecnest::engine {

// How many elements a value has: a list its length, null none, others one.
int64_t ValueCount(const Json& value);

template <typename Bounds, typename Value>
bool Within(const Bounds& bounds, Value value) {
  return (!bounds.gt || value > *bounds.gt) && (!bounds.gte || value >= *bounds.gte) &&
         (!bounds.lt || value < *bounds.lt) && (!bounds.lte || value <= *bounds.lte);
}

// A filter made ready for many points: paths parsed, lists of ids sorted. Immutable, thread-safe.
class FilterMatcher {
 public:
  // InvalidArgument: a payload key that does not parse, an area that GeoCondition does not allow,
  // or filters nested too deep.
  static absl::StatusOr<FilterMatcher> Compile(const Filter& filter);

  FilterMatcher(FilterMatcher&&) noexcept;
  FilterMatcher& operator=(FilterMatcher&&) noexcept;
  ~FilterMatcher();

  // `has_vector` tells whether the point has a vector of that name.
  bool Matches(const PointId& id, const Json& payload,
               absl::FunctionRef<bool(std::string_view)> has_vector) const;

 private:
  struct Node;
  explicit FilterMatcher(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_FILTER_MATCH_H_
