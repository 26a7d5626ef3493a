// Which vectors an index takes, and which queries.
#ifndef VECNEST_INDEX_VECTOR_CHECK_H_
#define VECNEST_INDEX_VECTOR_CHECK_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace vecnest::index {

// InvalidArgument: another width, or a component that is not finite; names the first.
absl::Status CheckVector(absl::Span<const float> vector, size_t width);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_VECTOR_CHECK_H_
