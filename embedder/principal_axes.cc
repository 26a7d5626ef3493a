#include "embedder/principal_axes.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

using DoubleMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Rows per product: f32 sums over so many, doubles over the blocks.
constexpr size_t kBlockRows = 1024;

absl::StatusOr<DoubleMatrix> SecondMoment(const TrainingRows& rows, bool normalize,
                                          const Workers& workers) {
  const size_t dimensions = rows.dimensions();
  const auto side = static_cast<Eigen::Index>(dimensions);
  DoubleMatrix sum = DoubleMatrix::Zero(side, side);
  FloatMatrix products(side, side);
  std::vector<float> block(kBlockRows * dimensions);
  const std::vector<size_t>& directed = rows.directed();
  for (size_t first = 0; first < directed.size(); first += kBlockRows) {
    const size_t count = std::min(kBlockRows, directed.size() - first);
    for (size_t i = 0; i < count; ++i) {
      float* out = block.data() + i * dimensions;
      if (normalize) {
        rows.CopyUnit(directed[first + i], out);
      } else {
        std::copy_n(rows.Raw(directed[first + i]).data(), dimensions, out);
      }
    }
    VECNEST_RETURN_IF_ERROR(workers.Multiply(
        {block.data(), dimensions, /*transposed=*/true}, {block.data(), dimensions},
        {dimensions, count, dimensions}, products.data(), dimensions));
    sum += products.cast<double>();
  }
  return DoubleMatrix(sum / static_cast<double>(directed.size()));
}

}  // namespace

absl::StatusOr<PrincipalAxes> FindPrincipalAxes(const TrainingRows& rows, bool normalize,
                                                const Workers& workers) {
  VECNEST_ASSIGN_OR_RETURN(const DoubleMatrix moment, SecondMoment(rows, normalize, workers));
  const Eigen::SelfAdjointEigenSolver<DoubleMatrix> solver(moment);
  if (solver.info() != Eigen::Success) {
    return absl::InternalError("the eigenvectors of the vectors' second moment were not found");
  }
  const auto dimensions = static_cast<Eigen::Index>(rows.dimensions());
  PrincipalAxes axes;
  axes.rotation.reserve(rows.dimensions() * rows.dimensions());
  for (Eigen::Index i = dimensions - 1; i >= 0; --i) {  // the solver's ascend
    const auto axis = solver.eigenvectors().col(i);
    Eigen::Index largest = 0;
    axis.cwiseAbs().maxCoeff(&largest);
    const double sign = axis[largest] < 0 ? -1 : 1;
    for (Eigen::Index j = 0; j < dimensions; ++j) {
      axes.rotation.push_back(static_cast<float>(sign * axis[j]));
    }
    axes.energies.push_back(std::max(0.0, solver.eigenvalues()[i]));
  }
  return axes;
}

void Orthonormalize(size_t dimensions, std::vector<float>* rotation) {
  const auto side = static_cast<Eigen::Index>(dimensions);
  Eigen::Map<FloatMatrix> stored(rotation->data(), side, side);
  DoubleMatrix axes = stored.cast<double>();
  // Newton-Schulz towards the nearest orthogonal matrix: an error of e becomes one of e squared.
  for (int i = 0; i < 2; ++i) {
    const DoubleMatrix products = axes * axes.transpose();
    axes = 1.5 * axes - 0.5 * (products * axes);
  }
  stored = axes.cast<float>();
}

}  // namespace vecnest::embedder
