// What a collection's geometry means for its searches, and what to do.
#ifndef VECNEST_ENGINE_GEOMETRY_VERDICTS_H_
#define VECNEST_ENGINE_GEOMETRY_VERDICTS_H_

#include <optional>
#include <vector>

#include "vecnest/embedding.h"
#include "vecnest/geometry.h"
#include "vecnest/types.h"

namespace vecnest::engine {

// What is known beside the numbers.
struct GeometryContext {
  Metric metric = Metric::kCosine;
  bool unit_norm = false;          // of all vectors of the collection
  bool adapted = false;            // by an adaptor
  std::optional<ModelInfo> model;  // that its texts were embedded with
};

// One of every check, in a fixed order.
std::vector<Verdict> JudgeGeometry(const GeometryReport& report, const GeometryContext& context);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_GEOMETRY_VERDICTS_H_
