// The vectors of a task's texts, as they are compared at one width and in one form.
#ifndef VECNEST_ENGINE_EVALUATION_VECTOR_MATRIX_H_
#define VECNEST_ENGINE_EVALUATION_VECTOR_MATRIX_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "vecnest/evaluation.h"

namespace vecnest::engine::evaluation {

// Rows of f32, one behind the other.
struct VectorMatrix {
  size_t width = 0;
  std::vector<float> values = {};

  size_t count() const { return width == 0 ? 0 : values.size() / width; }
  absl::Span<const float> Row(size_t i) const { return {values.data() + i * width, width}; }
  absl::Span<float> Row(size_t i) { return {values.data() + i * width, width}; }
};

// The first `width` components of every row, scaled to unit length where `normalize`; a row of
// zeros stays. At the full width rows are left as they are.
VectorMatrix CutTo(const VectorMatrix& vectors, size_t width, bool normalize);

// The same number of rows, scaled to unit length; a row of zeros stays.
VectorMatrix Normalized(const VectorMatrix& vectors);

// Replaces every vector by what is left of it in a form of storage. Codes of 8, 4 and 1 bits are
// fitted to these vectors as a segment fits them to its own; `normalized` scales to unit length
// first, as a cosine index does, and `principal_axes` says that they come from an adaptor.
// InvalidArgument: a component is beyond the range of f16.
absl::Status StoreAs(VectorCodes codes, bool normalized, bool principal_axes,
                     VectorMatrix& vectors);

// 1 / length of every row; 0 for a row of zeros.
std::vector<float> InverseNorms(const VectorMatrix& vectors);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_VECTOR_MATRIX_H_
