#include "index/scorer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace vecnest::index {
namespace {

// 1 / sqrt(norm_squared), or 0 outside the normal numbers: subnormal squares have lost digits.
float InverseRoot(float norm_squared) {
  if (!(norm_squared >= std::numeric_limits<float>::min()) ||
      norm_squared > std::numeric_limits<float>::max()) {
    return 0;
  }
  return 1.0F / std::sqrt(norm_squared);
}

// In sums that do not wait for each other.
double NormSquared(absl::Span<const float> vector) {
  constexpr size_t kSums = 8;
  std::array<double, kSums> sums{};
  const size_t whole = vector.size() / kSums * kSums;
  for (size_t i = 0; i < whole; i += kSums) {
    for (size_t j = 0; j < kSums; ++j) {
      sums[j] += static_cast<double>(vector[i + j]) * vector[i + j];
    }
  }
  double sum = std::accumulate(sums.begin(), sums.end(), 0.0);
  for (const float value : vector.subspan(whole)) sum += static_cast<double>(value) * value;
  return sum;
}

}  // namespace

float InverseNorm(absl::Span<const float> vector) {
  const double norm_squared = NormSquared(vector);
  if (norm_squared < std::numeric_limits<float>::min() ||
      norm_squared > std::numeric_limits<float>::max()) {
    return 0;
  }
  return static_cast<float>(1.0 / std::sqrt(norm_squared));
}

bool IsUnitNorm(float inverse_norm, ValueFormat format) {
  // Rounding to 8 bits changes each component, and so the length, by at most 2^-9 of it.
  const float tolerance = format == ValueFormat::kBf16 ? 1e-3F + 0x1p-9F : 1e-3F;
  return inverse_norm > 0 && std::fabs(1.0F / inverse_norm - 1.0F) <= tolerance;
}

absl::Span<const float> ScalesOfPrefix(absl::Span<const float> prefix_scales, Metric metric,
                                       size_t dimensions, size_t width, Renormalize renormalize) {
  const bool any_length = metric == Metric::kCosine || renormalize == Renormalize::kYes;
  if (prefix_scales.empty() || dimensions >= width || !any_length) return {};
  return prefix_scales.first(dimensions);
}

Scorer::Scorer(Metric metric, absl::Span<const float> query, size_t dimensions,
               Renormalize renormalize, absl::Span<const float> prefix_scales)
    : kernels_(kernels::Distances()),
      metric_(metric),
      cut_(dimensions < query.size()),
      scaled_(cut_ && renormalize == Renormalize::kYes),
      prefix_scales_(ScalesOfPrefix(prefix_scales, metric, dimensions, query.size(), renormalize)),
      query_(query.begin(), query.begin() + static_cast<ptrdiff_t>(dimensions)) {
  for (size_t i = 0; i < prefix_scales_.size(); ++i) query_[i] *= prefix_scales_[i];
  const float inverse_prefix = InverseNorm(query_);
  is_zero_ = inverse_prefix == 0;
  if (metric == Metric::kCosine) {
    query_factor_ = inverse_prefix;
  } else if (scaled_) {
    const auto factor = static_cast<float>(std::sqrt(NormSquared(query)) * inverse_prefix);
    for (float& value : query_) value *= factor;
  }
}

float Scorer::CutScale(const float* vector) const {
  return InverseRoot(kernels_.dot_and_norm(vector, vector, query_.size()).norm_squared);
}

float Scorer::CutCosine(const float* vector) const {
  const kernels::DotAndNorm sums = kernels_.dot_and_norm(query_.data(), vector, query_.size());
  return sums.dot * InverseRoot(sums.norm_squared);
}

const float* Scorer::ScaledPrefix(const float* vector) const {
  thread_local std::vector<float> scaled;
  scaled.resize(prefix_scales_.size());
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] = vector[i] * prefix_scales_[i];
  return scaled.data();
}

float Scorer::RawCost(const float* vector, float inverse_norm) const {
  if (!prefix_scales_.empty()) vector = ScaledPrefix(vector);
  const float* query = query_.data();
  const size_t n = query_.size();
  switch (metric_) {
    case Metric::kCosine:
      // Products of vectors that count as zero may be infinite.
      if (query_factor_ == 0 || inverse_norm == 0) return 0;
      if (cut_) return -(CutCosine(vector) * query_factor_);
      return -(kernels_.dot(query, vector, n) * query_factor_ * inverse_norm);
    case Metric::kDot:
      return scaled_ ? -CutCosine(vector) : -kernels_.dot(query, vector, n);
    case Metric::kEuclid:
      return std::sqrt(kernels_.squared_l2(query, vector, scaled_ ? CutScale(vector) : 1.0F, n));
    case Metric::kManhattan:
      return kernels_.l1(query, vector, scaled_ ? CutScale(vector) : 1.0F, n);
  }
  return 0;
}

float Scorer::Cost(const float* vector, float inverse_norm) const {
  constexpr float kLargest = std::numeric_limits<float>::max();
  const float cost = RawCost(vector, inverse_norm);
  // Sums that overflowed rank last (or first), and NaN must not reach a sort.
  if (!(cost <= kLargest)) return kLargest;
  return std::max(cost, -kLargest);
}

}  // namespace vecnest::index
