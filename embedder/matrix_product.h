// Products of large f32 matrices that change all the time, as training needs them; layers with
// fixed weights are linear.h.
#ifndef VECNEST_EMBEDDER_MATRIX_PRODUCT_H_
#define VECNEST_EMBEDDER_MATRIX_PRODUCT_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace vecnest::embedder {

// A matrix in memory, row-major: row i begins at data + i * stride. As a factor it may be read
// transposed.
struct Factor {
  const float* data = nullptr;
  size_t stride = 0;
  bool transposed = false;
};

struct ProductShape {
  size_t rows = 0;  // of the product
  size_t inner = 0;
  size_t columns = 0;  // of the product
};

// product = a * b, or product + a * b where it accumulates; rows of the product begin `stride`
// apart. On the calling thread. Unavailable (no memory) or Internal when the library fails.
absl::Status Multiply(const Factor& a, const Factor& b, const ProductShape& shape, float* product,
                      size_t stride, bool accumulate = false);

// Threads that share pieces of work. They live for one call: training makes few and long ones.
// Results do not depend on their number.
class Workers {
 public:
  using Work = absl::FunctionRef<absl::Status(size_t piece)>;

  // 0: one per core.
  explicit Workers(size_t threads);

  // Calls `work` for every piece below `pieces`, on several threads. Returns when all are done, the
  // error of the first piece that failed.
  absl::Status Run(size_t pieces, Work work) const;

  // Multiply, by blocks of rows.
  absl::Status Multiply(const Factor& a, const Factor& b, const ProductShape& shape, float* product,
                        size_t stride) const;

 private:
  size_t threads_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_MATRIX_PRODUCT_H_
