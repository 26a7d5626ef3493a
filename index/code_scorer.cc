#include "index/code_scorer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "index/kernels/distance.h"
#include "index/random_rotation.h"

namespace vecnest::index {
namespace {

constexpr float kLargestCode = 127;

float Dot(absl::Span<const float> a, absl::Span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return static_cast<float>(sum);
}

std::vector<float> Turned(absl::Span<const float> query) {
  std::vector<float> turned(query.begin(), query.end());
  RotateRandomly(absl::MakeSpan(turned));
  return turned;
}

// The largest absolute value, of several that do not wait for each other.
float Largest(absl::Span<const float> values) {
  constexpr size_t kMaxima = 8;
  std::array<float, kMaxima> maxima{};
  const size_t whole = values.size() / kMaxima * kMaxima;
  for (size_t i = 0; i < whole; i += kMaxima) {
    for (size_t j = 0; j < kMaxima; ++j) maxima[j] = std::max(maxima[j], std::fabs(values[i + j]));
  }
  float largest = *std::max_element(maxima.begin(), maxima.end());
  for (const float value : values.subspan(whole)) largest = std::max(largest, std::fabs(value));
  return largest;
}

float Finite(float cost) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  return cost <= kLargest ? std::max(cost, -kLargest) : kLargest;
}

}  // namespace

CodeScorer::Form CodeScorer::ChooseForm(Metric metric, bool normalized, bool cut,
                                        Renormalize renormalize) {
  // Among vectors of one length the three metrics give one order.
  if (normalized && !cut) return Form::kDot;
  if (metric == Metric::kCosine || (cut && renormalize == Renormalize::kYes)) return Form::kCosine;
  return metric == Metric::kDot ? Form::kDot : Form::kEuclid;
}

CodeScorer::CodeScorer(const CodeView& codes, Metric metric, absl::Span<const float> query,
                       size_t dimensions, Renormalize renormalize,
                       absl::Span<const float> prefix_scales)
    : kernels_(kernels::CodeDistances(codes.format.bits)),
      codes_(codes),
      form_(ChooseForm(metric, codes.format.normalized, dimensions < query.size(), renormalize)),
      dimensions_(dimensions),
      padded_(codes.format.Padded(dimensions)),
      bytes_(codes.format.Bytes(dimensions)),
      metric_(metric),
      turned_(codes.format.turned ? Turned(query) : std::vector<float>()),
      values_(codes.format.turned ? absl::MakeConstSpan(turned_) : query),
      prefix_scales_(ScalesOfPrefix(prefix_scales, metric, dimensions, query.size(), renormalize)) {
  const absl::Span<const float> center = codes.center.first(dimensions);
  std::vector<float> values(values_.begin(), values_.begin() + static_cast<ptrdiff_t>(dimensions));
  // The product of two scaled prefixes is that of a prefix scaled twice with one that is not.
  for (size_t i = 0; i < prefix_scales_.size(); ++i) {
    values[i] *= prefix_scales_[i] * prefix_scales_[i];
  }
  if (form_ == Form::kCosine) {
    center_ = Encode(center);
    query_center_ = Dot(values, center);
    center_norm_squared_ = Dot(center, center);
  }
  if (form_ == Form::kEuclid) {
    for (size_t i = 0; i < dimensions; ++i) values[i] -= center[i];
  }
  query_ = Encode(values);
  const kernels::DistanceKernels& distances = kernels::Distances();
  query_length_ = std::sqrt(distances.dot(values.data(), values.data(), dimensions));
  shared_error_ =
      codes_.step * static_cast<float>(kernels_.scale) * query_length_ / std::sqrt(12.0F);
  if (form_ == Form::kCosine) {
    // As if prefixes had their share of a vector's length, by which costs are divided.
    shared_error_ *= std::sqrt(static_cast<float>(query.size()) / static_cast<float>(dimensions));
  }
  if (form_ == Form::kDot) {
    const float unit = codes_.step * query_.step;
    shared_slope_ = unit * static_cast<float>(kernels_.scale);
    shared_offset_ = -unit * static_cast<float>(kernels_.offset * query_.sum) -
                     distances.dot(values.data(), center.data(), dimensions);
  }
}

CodeScorer::Coded CodeScorer::Encode(absl::Span<const float> values) const {
  Coded coded;
  coded.bytes = hwy::AllocateAligned<int8_t>(padded_);
  std::fill_n(coded.bytes.get(), padded_, int8_t{0});
  const float largest = Largest(values);
  if (std::isnormal(largest)) coded.step = largest / kLargestCode;
  // Locals, as what is written by bytes may be any member.
  const float step = coded.step;
  int8_t* const bytes = coded.bytes.get();
  int32_t sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const float steps = std::clamp(values[i] / step, -kLargestCode, kLargestCode);
    const auto code = static_cast<int32_t>(std::nearbyint(steps));
    bytes[i] = static_cast<int8_t>(code);
    sum += code;
  }
  coded.sum = sum;
  return coded;
}

float CodeScorer::Product(int32_t with_codes, const Coded& coded) const {
  return static_cast<float>(kernels_.scale * int64_t{with_codes} + kernels_.offset * coded.sum);
}

// The dot product of a query of this length and a vector of unit length that scores so.
float CodeScorer::DotOf(float score, double length) const {
  if (metric_ == Metric::kCosine) return static_cast<float>(score * length);
  if (metric_ == Metric::kDot) return score;
  return static_cast<float>((length * length + 1 - double{score} * score) / 2);
}

float CodeScorer::CostOf(float score) const {
  const absl::Span<const float> query = values_.first(dimensions_);
  const absl::Span<const float> center = codes_.center.first(dimensions_);
  const double length = std::sqrt(Dot(query, query));
  if (form_ == Form::kEuclid) {
    const double from_center = length * length - 2 * Dot(query, center) + Dot(center, center);
    return static_cast<float>(double{score} * score - from_center);
  }
  if (form_ == Form::kCosine) {
    // Scaled prefixes are compared with a query of its whole length.
    const double compared = metric_ == Metric::kCosine ? length : std::sqrt(Dot(values_, values_));
    if (!(compared > 0)) return 0;
    const double cost = -DotOf(score, compared) / compared * length;
    if (prefix_scales_.empty()) return static_cast<float>(cost);
    // Scales make vectors about as much longer as they make the query, some less.
    constexpr double kSlack = 1.08;
    double scaled = 0;
    for (size_t i = 0; i < dimensions_; ++i) {
      scaled += std::pow(double{values_[i]} * prefix_scales_[i], 2);
    }
    const double stretched = cost * scaled / (length * length);
    return static_cast<float>(stretched < 0 ? stretched / kSlack : stretched * kSlack);
  }
  const float dot = codes_.format.normalized ? DotOf(score, length) : score;
  const float with_codes = (dot - Dot(query, center)) / (codes_.step * query_.step);
  return (static_cast<float>(kernels_.offset * query_.sum) - with_codes) /
         static_cast<float>(kernels_.scale);
}

float CodeScorer::SharedOf(float score) const {
  return form_ == Form::kDot ? -DotOf(score, query_length_) : Shared(CostOf(score));
}

float CodeScorer::CostWithin(float shared, float worst) const {
  // What lies at the limit is not to be lost by rounding.
  constexpr float kSlack = 1e-5F;
  if (!HasShared()) return std::numeric_limits<float>::infinity();
  const float limit = FromShared(Reach(shared, worst * shared_error_));
  return std::isfinite(limit) ? limit + kSlack * std::fabs(limit)
                              : std::numeric_limits<float>::infinity();
}

float CodeScorer::Cost(uint32_t row) const {
  const uint8_t* code = codes_.Code(row);
  // The order of the codes' products is that of the numbers'.
  if (form_ == Form::kDot) {
    return -static_cast<float>(kernels_.dot(code, query_.bytes.get(), padded_));
  }
  const int8_t* center = form_ == Form::kCosine ? center_.bytes.get() : query_.bytes.get();
  const kernels::CodeProducts products =
      kernels_.products(code, query_.bytes.get(), center, dimensions_);
  const float dot = codes_.step * query_.step * Product(products.query, query_);
  const float norm_squared = codes_.step * codes_.step * static_cast<float>(products.norm_squared);
  if (form_ == Form::kEuclid) return Finite(norm_squared - 2 * dot);
  const float length_squared = norm_squared +
                               2 * codes_.step * center_.step * Product(products.center, center_) +
                               center_norm_squared_;
  if (!(length_squared >= std::numeric_limits<float>::min())) return 0;
  return Finite(-(dot + query_center_) / std::sqrt(length_squared));
}

void CodeScorer::Costs(absl::Span<const uint32_t> rows, float* costs) const {
  if (form_ != Form::kDot) {
    for (size_t i = 0; i < rows.size(); ++i) costs[i] = Cost(rows[i]);
    return;
  }
  constexpr size_t kAtOnce = 64;
  std::array<int32_t, kAtOnce> dots;
  for (size_t first = 0; first < rows.size(); first += kAtOnce) {
    const size_t count = std::min(kAtOnce, rows.size() - first);
    kernels_.dot_rows(codes_.codes, codes_.stride, rows.data() + first, count, query_.bytes.get(),
                      padded_, dots.data());
    for (size_t i = 0; i < count; ++i) costs[first + i] = -static_cast<float>(dots[i]);
  }
}

}  // namespace vecnest::index
