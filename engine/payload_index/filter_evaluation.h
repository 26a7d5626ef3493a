// A filter turned into bitmaps, as far as the indexes go.
#ifndef VECNEST_ENGINE_PAYLOAD_INDEX_FILTER_EVALUATION_H_
#define VECNEST_ENGINE_PAYLOAD_INDEX_FILTER_EVALUATION_H_

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "engine/payload_index/field_index.h"
#include "engine/payload_index/selection.h"
#include "vecnest/filter.h"

namespace vecnest::engine {

// What conditions are evaluated with; all of it outlives the call.
struct EvaluationContext {
  const Roaring& live;
  const std::vector<FieldIndex>& fields;
  const std::vector<Roaring>& with_vector;  // by slot
  absl::FunctionRef<std::optional<Slot>(std::string_view)> slot_of;
  absl::FunctionRef<absl::StatusOr<Roaring>(const std::vector<PointId>&)> numbers_of;
};

struct FilterEvaluation {
  Selection selection;
  std::set<std::string> indexed;    // fields whose index was used
  std::set<std::string> unindexed;  // fields whose payload has to be looked at
};

// InvalidArgument: a key that is no path. Errors of `numbers_of` are passed on.
absl::StatusOr<FilterEvaluation> EvaluateFilter(const Filter& filter,
                                                const EvaluationContext& context);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_INDEX_FILTER_EVALUATION_H_
