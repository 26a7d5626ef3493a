#include "engine/evaluation/logistic_regression.h"

#include <LBFGS.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "embedder/matrix_product.h"
#include "embedder/status_macros.h"
#include "fmt/format.h"

namespace vecnest::engine::evaluation {
namespace {

using Parameters = Eigen::VectorXd;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Pieces of the rows: sums do not depend on the number of threads.
constexpr size_t kPieces = 8;
constexpr size_t kBlockRows = 1024;
// A line search may end before the tolerance is reached; so far is good enough, scikit-learn's own
// tolerance being 1e-4.
constexpr double kAcceptedGradient = 5e-5;

// Ends the solver; it knows no other way.
class Stopped : public std::exception {
 public:
  explicit Stopped(absl::Status status) : status_(std::move(status)) {}
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

// Turns logits into probabilities in place; the logarithm of the sum of exponentials.
double Softmax(absl::Span<double> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (double& logit : logits) sum += logit = std::exp(logit - largest);
  for (double& logit : logits) logit /= sum;
  return largest + std::log(sum);
}

// The mean loss and its gradient. Parameters: of every class with weights, from the `fixed`-th on,
// the weights, then the intercepts.
class Objective {
 public:
  Objective(const VectorMatrix& vectors, absl::Span<const uint32_t> labels, size_t classes,
            const LogisticRegressionOptions& options, const CallLimits& limits)
      : vectors_(vectors),
        labels_(labels),
        fixed_(classes == 2 ? 1 : 0),
        free_(classes - fixed_),
        penalty_(1 / (options.c * static_cast<double>(labels.size()))),
        limits_(limits),
        workers_(options.threads) {}

  size_t fixed() const { return fixed_; }
  size_t parameters() const { return free_ * (vectors_.width + 1); }
  double gradient_length() const { return gradient_length_; }

  double operator()(const Parameters& at, Parameters& gradient) {
    if (const absl::Status status = limits_.Check(); !status.ok()) throw Stopped(status);
    const auto penalized = static_cast<Eigen::Index>(free_ * vectors_.width);
    std::vector<Piece> pieces(kPieces);
    const absl::Status status = workers_.Run(kPieces, [&](size_t piece) {
      return Evaluate(piece, at.data(), at.data() + penalized, pieces[piece]);
    });
    if (!status.ok()) throw Stopped(status);
    const auto count = static_cast<double>(labels_.size());
    gradient.setZero(at.size());
    double loss = 0;
    for (const Piece& piece : pieces) {
      loss += piece.loss / count;
      gradient.head(penalized) += piece.weights.reshaped<Eigen::RowMajor>() / count;
      gradient.tail(piece.intercepts.size()) += piece.intercepts / count;
    }
    loss += penalty_ / 2 * at.head(penalized).squaredNorm();
    gradient.head(penalized) += penalty_ * at.head(penalized);
    gradient_length_ = gradient.norm();
    return loss;
  }

 private:
  // What some rows add to the sums.
  struct Piece {
    double loss = 0;
    Matrix weights;
    Eigen::VectorXd intercepts;
  };

  // In f64: with products in f32 line searches end before the minimum.
  absl::Status Evaluate(size_t piece, const double* weights, const double* intercepts,
                        Piece& sums) const {
    const auto width = static_cast<Eigen::Index>(vectors_.width);
    const auto free = static_cast<Eigen::Index>(free_);
    const Eigen::Map<const Matrix> of_classes(weights, free, width);
    sums.weights = Matrix::Zero(free, width);
    sums.intercepts = Eigen::VectorXd::Zero(free);
    std::vector<double> logits(free_ + fixed_);
    const size_t end = (piece + 1) * labels_.size() / kPieces;
    for (size_t first = piece * labels_.size() / kPieces; first < end; first += kBlockRows) {
      const size_t rows = std::min(kBlockRows, end - first);
      const Matrix block =
          Eigen::Map<const Rows>(vectors_.Row(first).data(), static_cast<Eigen::Index>(rows), width)
              .cast<double>();
      Matrix errors = block * of_classes.transpose();
      for (size_t i = 0; i < rows; ++i) {
        const auto row = static_cast<Eigen::Index>(i);
        logits[0] = 0;  // of the class without weights, where there is one
        for (size_t k = 0; k < free_; ++k) {
          logits[fixed_ + k] = intercepts[k] + errors(row, static_cast<Eigen::Index>(k));
        }
        const uint32_t label = labels_[first + i];
        const double likely = logits[label];
        sums.loss += Softmax(absl::MakeSpan(logits)) - likely;
        for (size_t k = 0; k < free_; ++k) {
          errors(row, static_cast<Eigen::Index>(k)) =
              logits[fixed_ + k] - (label == fixed_ + k ? 1 : 0);
        }
      }
      sums.intercepts += errors.colwise().sum().transpose();
      sums.weights += errors.transpose() * block;
    }
    return absl::OkStatus();
  }

  const VectorMatrix& vectors_;
  const absl::Span<const uint32_t> labels_;
  const size_t fixed_;  // classes whose weights are zero: one of two
  const size_t free_;   // classes that have weights
  const double penalty_;
  const CallLimits& limits_;
  const embedder::Workers workers_;
  double gradient_length_ = 0;  // at the last parameters
};

absl::StatusOr<Parameters> Minimize(Objective& objective,
                                    const LogisticRegressionOptions& options) {
  LBFGSpp::LBFGSParam<double> parameters;
  parameters.m = 10;
  parameters.epsilon = options.tolerance;
  parameters.epsilon_rel = 0;
  parameters.max_iterations = static_cast<int>(options.max_iterations);
  parameters.linesearch = LBFGSpp::LBFGS_LINESEARCH_BACKTRACKING_STRONG_WOLFE;
  parameters.max_linesearch = 40;
  Parameters at = Parameters::Zero(static_cast<Eigen::Index>(objective.parameters()));
  std::string reason = fmt::format("{} iterations were not enough", options.max_iterations);
  try {
    LBFGSpp::LBFGSSolver<double> solver(parameters);
    double loss = 0;
    solver.minimize(objective, at, loss);
  } catch (const Stopped& stopped) {
    return stopped.status();
  } catch (const std::bad_alloc&) {
    return absl::UnavailableError("no memory for logistic regression");
  } catch (const std::exception& error) {
    reason = error.what();
  }
  if (objective.gradient_length() <= kAcceptedGradient) return at;
  return absl::InternalError(
      fmt::format("logistic regression found no minimum ({}; gradient {:.2g})", reason,
                  objective.gradient_length()));
}

}  // namespace

absl::StatusOr<LogisticRegression> LogisticRegression::Fit(const VectorMatrix& vectors,
                                                           absl::Span<const uint32_t> labels,
                                                           size_t classes,
                                                           const LogisticRegressionOptions& options,
                                                           const CallLimits& limits) {
  Objective objective(vectors, labels, classes, options, limits);
  VECNEST_ASSIGN_OR_RETURN(const Parameters found, Minimize(objective, options));
  LogisticRegression fitted(classes, vectors.width);
  const size_t fixed = objective.fixed();
  const double* weights_end = found.data() + (classes - fixed) * vectors.width;
  fitted.weights_.resize(fixed * vectors.width);
  fitted.weights_.insert(fitted.weights_.end(), found.data(), weights_end);
  fitted.intercepts_.resize(fixed);
  fitted.intercepts_.insert(fitted.intercepts_.end(), weights_end, found.data() + found.size());
  return fitted;
}

absl::StatusOr<std::vector<uint32_t>> LogisticRegression::Predict(
    const VectorMatrix& vectors) const {
  std::vector<uint32_t> predictions;
  predictions.reserve(vectors.count());
  std::vector<float> products(kBlockRows * classes_);
  for (size_t first = 0; first < vectors.count(); first += kBlockRows) {
    const size_t rows = std::min(kBlockRows, vectors.count() - first);
    VECNEST_RETURN_IF_ERROR(embedder::Multiply(
        {vectors.Row(first).data(), width_}, {weights_.data(), width_, /*transposed=*/true},
        {rows, width_, classes_}, products.data(), classes_));
    for (size_t i = 0; i < rows; ++i) {
      const float* logits = products.data() + i * classes_;
      uint32_t best = 0;
      for (uint32_t k = 1; k < classes_; ++k) {
        if (logits[k] + intercepts_[k] > logits[best] + intercepts_[best]) best = k;
      }
      predictions.push_back(best);
    }
  }
  return predictions;
}

std::vector<double> LogisticRegression::Probabilities(absl::Span<const float> vector) const {
  std::vector<double> logits = intercepts_;
  for (size_t k = 0; k < classes_; ++k) {
    for (size_t d = 0; d < width_; ++d) {
      logits[k] += double{weights_[k * width_ + d]} * double{vector[d]};
    }
  }
  Softmax(absl::MakeSpan(logits));
  return logits;
}

}  // namespace vecnest::engine::evaluation
