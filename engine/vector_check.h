// Which vectors a collection takes.
#ifndef VECNEST_ENGINE_VECTOR_CHECK_H_
#define VECNEST_ENGINE_VECTOR_CHECK_H_

#include <vector>

#include "absl/status/status.h"
#include "engine/definition.h"
#include "engine/record.h"
#include "vecnest/types.h"

namespace vecnest::engine {

// InvalidArgument names the point and the vector: wrong width, a component that is not finite, or
// under cosine a length whose square leaves the range of f32 (zero vectors are taken: they are as
// far from everything as can be).
absl::Status CheckVector(const PointId& id, const SlotDefinition& slot,
                         const std::vector<float>& vector);

// The same for all vectors that the changes write.
absl::Status CheckVectors(const Definition& definition, const std::vector<PointChange>& changes);

// Rounds the vectors that the changes write to the datatypes of their slots: as they are stored,
// read and compared from then on. InvalidArgument names the point and the vector: a component is
// beyond the datatype's range, or nothing is left of any.
absl::Status RoundVectors(const Definition& definition, std::vector<PointChange>& changes);

// InvalidArgument: under cosine nothing can be said about the direction of such a vector.
absl::Status CheckLength(const std::vector<float>& vector);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_VECTOR_CHECK_H_
