#include "embedder/scaled_rotation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "embedder/principal_axes.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

constexpr float kMeanDecay = 0.9F;
constexpr float kSquareDecay = 0.999F;
constexpr float kEpsilon = 1e-8F;
// The Frobenius norm bounds how far a step moves any singular value from one; Orthogonalize finds
// back from within (0, sqrt 3).
constexpr double kLongestStep = 0.5;
// How far a rotation times its transpose may be from the identity for one round to do: of 0.3 it
// leaves 0.07 at most, which the next step takes away.
constexpr double kSmallError = 0.3;

// By the Frobenius norm.
double DistanceFromIdentity(const std::vector<float>& matrix, size_t width) {
  double squares = 0;
  for (size_t i = 0; i < matrix.size(); ++i) {
    const double difference = matrix[i] - (i % (width + 1) == 0 ? 1.0 : 0.0);
    squares += difference * difference;
  }
  return std::sqrt(squares);
}

}  // namespace

ScaledRotation::ScaledRotation(std::vector<float> rotation, std::vector<float> scales,
                               const Workers* workers)
    : rotation_(std::move(rotation)),
      scales_(std::move(scales)),
      workers_(workers),
      map_(rotation_.size()),
      products_(rotation_.size()),
      corrected_(rotation_.size()),
      rotation_moments_(rotation_.size()),
      scale_moments_(scales_.size()) {
  UpdateMap();
}

absl::Status ScaledRotation::Step(const std::vector<float>& gradient, const Rates& rates) {
  const size_t width = dimensions();
  std::vector<float> of_rotation(gradient.size());
  std::vector<float> of_scales(width);  // of their logarithms
  for (size_t i = 0; i < width; ++i) {
    double sum = 0;
    for (size_t j = i * width; j < (i + 1) * width; ++j) {
      of_rotation[j] = scales_[i] * gradient[j];
      sum += static_cast<double>(of_rotation[j]) * rotation_[j];
    }
    of_scales[i] = static_cast<float>(sum);
  }
  ++steps_;
  ToStep(&rotation_moments_, rates.rotation / std::sqrt(static_cast<double>(width)), &of_rotation);
  ToStep(&scale_moments_, rates.scales, &of_scales);
  double squares = 0;
  for (const float value : of_rotation) squares += static_cast<double>(value) * value;
  const auto share = static_cast<float>(std::min(1.0, kLongestStep / std::sqrt(squares + 1e-30)));
  for (size_t i = 0; i < rotation_.size(); ++i) rotation_[i] -= share * of_rotation[i];
  for (size_t i = 0; i < width; ++i) scales_[i] *= std::exp(-of_scales[i]);
  VECNEST_RETURN_IF_ERROR(Orthogonalize());
  UpdateMap();
  return absl::OkStatus();
}

void ScaledRotation::ToStep(Moments* moments, double rate, std::vector<float>* gradient) const {
  // The averages begin at zero; this makes up for it.
  const double mean_share = 1 - std::pow(kMeanDecay, steps_);
  const double square_share = 1 - std::pow(kSquareDecay, steps_);
  const auto factor = static_cast<float>(rate / mean_share);
  const auto root_factor = static_cast<float>(1 / std::sqrt(square_share));
  for (size_t i = 0; i < gradient->size(); ++i) {
    const float value = (*gradient)[i];
    float& mean = moments->mean[i];
    float& square = moments->square[i];
    mean = kMeanDecay * mean + (1 - kMeanDecay) * value;
    square = kSquareDecay * square + (1 - kSquareDecay) * value * value;
    (*gradient)[i] = factor * mean / (root_factor * std::sqrt(square) + kEpsilon);
  }
}

absl::Status ScaledRotation::Orthogonalize() {
  const size_t width = dimensions();
  const ProductShape square = {width, width, width};
  // Newton-Schulz; an error of e becomes one of e squared. A second round is needed after the
  // first, longest steps only.
  double error = 1;
  for (int round = 0; round < 2 && error > kSmallError; ++round) {
    const Factor rotation = {rotation_.data(), width};
    VECNEST_RETURN_IF_ERROR(workers_->Multiply(
        rotation, {rotation_.data(), width, /*transposed=*/true}, square, products_.data(), width));
    error = DistanceFromIdentity(products_, width);
    VECNEST_RETURN_IF_ERROR(
        workers_->Multiply({products_.data(), width}, rotation, square, corrected_.data(), width));
    for (size_t i = 0; i < rotation_.size(); ++i) {
      rotation_[i] = 1.5F * rotation_[i] - 0.5F * corrected_[i];
    }
  }
  return absl::OkStatus();
}

void ScaledRotation::UpdateMap() {
  const size_t width = dimensions();
  for (size_t i = 0; i < map_.size(); ++i) map_[i] = scales_[i / width] * rotation_[i];
}

void ScaledRotation::Finish() {
  Orthonormalize(dimensions(), &rotation_);
  UpdateMap();
}

}  // namespace vecnest::embedder
