// Linear layers: y = f(x W^T + b) on the rows of a matrix, in the precision of the model.
#ifndef VECNEST_EMBEDDER_LINEAR_H_
#define VECNEST_EMBEDDER_LINEAR_H_

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/precision.h"
#include "embedder/team.h"

namespace vecnest::embedder {

// What one running forward pass needs from the matrix library. Not to be shared by two threads
// at a time, nor by the layers of two models. The calling thread must hold a SingleThreadGuard
// while layers run.
class LinearContext {
 public:
  LinearContext();
  ~LinearContext();
  LinearContext(LinearContext&&) noexcept;
  LinearContext& operator=(LinearContext&&) noexcept;

  // Who helps the calling thread from now on; null for nobody. The team is the pass's, see
  // Team::Pass.
  void SetTeam(Team* team);

 private:
  friend class Linear;
  struct State;
  std::unique_ptr<State> state_;
};

// While it lives, the matrix library runs on the calling thread only; workers are our own.
class SingleThreadGuard {
 public:
  SingleThreadGuard();
  ~SingleThreadGuard();
  SingleThreadGuard(const SingleThreadGuard&) = delete;
  SingleThreadGuard& operator=(const SingleThreadGuard&) = delete;

 private:
  int previous_threads_;
};

enum class Activation { kNone, kGelu };

// A dense layer with packed weights. Immutable, safe from any thread.
//
// A row of the result has the same bits whatever other rows there are. Without AVX-512 the
// library's f32 kernels sum in another order in the last rows of a block (measured: rows modulo 6),
// so there the rows of a block are rounded up to a multiple of 12.
//
// A team shares the columns of a product, so that each core reads its part of the weights only:
// they are what a few rows wait for. Columns have the same bits alone and among others; where a
// kernel does not keep to that, which is tried when it is made, the product stays whole.
class Linear {
 public:
  // Rows are computed in blocks of this many at most.
  static constexpr size_t kBlockRows = 96;

  // Rows that `x` and `y` must have room for. Those beyond `rows` are computed from whatever `x`
  // holds there and must be ignored.
  static size_t PaddedRows(size_t rows);

  struct Parameters {
    size_t inputs = 0;
    size_t outputs = 0;
    absl::Span<const float> weights;  // row-major [outputs, inputs]
    absl::Span<const float> bias;     // [outputs]
    Precision precision = Precision::kF32;
    Activation activation = Activation::kNone;
  };
  // Copies weights and bias. `precision` must be supported by this CPU.
  static absl::StatusOr<Linear> Create(const Parameters& parameters);
  Linear(Linear&&) noexcept;
  Linear& operator=(Linear&&) noexcept;
  ~Linear();

  // Memory of the packed weights and what belongs to them.
  size_t bytes() const;
  size_t inputs() const;
  size_t outputs() const;

  // x: [PaddedRows(rows), inputs], y: [PaddedRows(rows), outputs], both row-major f32 whatever
  // the precision. Unavailable (no memory) or Internal when the library fails.
  absl::Status Run(const float* x, size_t rows, float* y, LinearContext* context) const;

 private:
  struct State;
  explicit Linear(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_LINEAR_H_
