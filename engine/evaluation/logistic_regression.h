// Multinomial logistic regression with an L2 penalty.
#ifndef VECNEST_ENGINE_EVALUATION_LOGISTIC_REGRESSION_H_
#define VECNEST_ENGINE_EVALUATION_LOGISTIC_REGRESSION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/evaluation/vector_matrix.h"

namespace vecnest::engine::evaluation {

struct LogisticRegressionOptions {
  double c = 1;  // how much the likelihood weighs beside the penalty
  size_t max_iterations = 1000;
  double tolerance = 1e-6;  // of the gradient's length, of the mean loss
  size_t threads = 0;
};

// A linear classifier. Immutable once fitted.
class LogisticRegression {
 public:
  // Finds the weights of least c * (sum of -log p(label | vector)) + |weights|^2 / 2; the
  // intercepts are free. Of two labels only the second has weights. The same minimum as
  // sklearn.linear_model.LogisticRegression(C=c) has, found by L-BFGS. Labels are 0 .. classes - 1,
  // one per row; `classes` is at least 2. Internal: no minimum was found. Cancelled and
  // DeadlineExceeded as `limits` say.
  static absl::StatusOr<LogisticRegression> Fit(const VectorMatrix& vectors,
                                                absl::Span<const uint32_t> labels, size_t classes,
                                                const LogisticRegressionOptions& options,
                                                const CallLimits& limits);

  // The most probable label of every row.
  absl::StatusOr<std::vector<uint32_t>> Predict(const VectorMatrix& vectors) const;

  // One of a row's probabilities per label.
  std::vector<double> Probabilities(absl::Span<const float> vector) const;

 private:
  LogisticRegression(size_t classes, size_t width) : classes_(classes), width_(width) {}

  size_t classes_;
  size_t width_;
  std::vector<float> weights_;      // row-major [classes, width]
  std::vector<double> intercepts_;  // one per class
};

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_LOGISTIC_REGRESSION_H_
