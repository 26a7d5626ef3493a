#include "index/quantizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vecnest::index {
namespace {

constexpr size_t kSample = 20000;
constexpr size_t kDimensionsForFourBits = 128;

// The largest number that a code stands for, and the share of components that lie below: the rarest
// ones would cost all others resolution. (Of normally distributed ones, 3.5 and 3 deviations.)
struct Range {
  float largest = 127;
  double kept = 0.9995;
};

Range RangeOf(int bits) { return bits == 4 ? Range{15, 0.997} : Range{127, 0.9995}; }

// What one step is for components of these sizes; changes their order.
float StepFor(std::vector<float>& sizes, int bits) {
  if (bits == 1) {
    // Plus or minus one step is nearest to all of them at their mean.
    const double sum = std::accumulate(sizes.begin(), sizes.end(), 0.0);
    return static_cast<float>(sum / static_cast<double>(sizes.size()));
  }
  const Range range = RangeOf(bits);
  const auto kept = static_cast<ptrdiff_t>(static_cast<double>(sizes.size() - 1) * range.kept);
  std::nth_element(sizes.begin(), sizes.begin() + kept, sizes.end());
  return sizes[static_cast<size_t>(kept)] / range.largest;
}

// Where a code of less than a byte lies (kernels/code_distance.h).
struct CodePlace {
  size_t byte = 0;
  size_t shift = 0;
};

CodePlace PlaceOf(size_t dimension, int bits) {
  if (bits == 1) return {dimension / 8, dimension % 8};
  constexpr size_t kHalf = kernels::kCodeAlignment;
  return {dimension / (2 * kHalf) * kHalf + dimension % kHalf,
          dimension % (2 * kHalf) < kHalf ? 0U : 4U};
}

}  // namespace

CodeFormat CodeFormat::For(Metric metric, size_t dimensions, int bits) {
  if (metric == Metric::kManhattan) return {};
  if (bits == 0) bits = dimensions >= kDimensionsForFourBits ? 4 : 8;
  return {bits, metric == Metric::kCosine};
}

size_t CodeFormat::Bytes(size_t dimensions) const {
  if (bits == 0) return 0;
  const size_t used = Padded(dimensions) * static_cast<size_t>(bits) / 8;
  return (used + kernels::kCodeAlignment - 1) / kernels::kCodeAlignment * kernels::kCodeAlignment;
}

Quantizer Quantizer::Fit(const Rows& rows, size_t dimensions, CodeFormat format) {
  Quantizer quantizer(dimensions, format);
  const size_t spacing = std::max<size_t>(1, rows.count / kSample);
  const auto scale_of = [&](size_t row) {
    return format.normalized ? rows.inverse_norms[row] : 1.0F;
  };
  std::vector<double> sums(dimensions);
  size_t sampled = 0;
  VectorBuffer buffer;
  for (size_t row = 0; row < rows.count; row += spacing, ++sampled) {
    const float* vector = rows.Vector(row, buffer);
    for (size_t i = 0; i < dimensions; ++i) sums[i] += vector[i] * scale_of(row);
  }
  for (size_t i = 0; i < dimensions; ++i) {
    quantizer.center_[i] = static_cast<float>(sums[i] / static_cast<double>(sampled));
  }
  std::vector<float> sizes;
  sizes.reserve(sampled * dimensions);
  for (size_t row = 0; row < rows.count; row += spacing) {
    const float* vector = rows.Vector(row, buffer);
    for (size_t i = 0; i < dimensions; ++i) {
      sizes.push_back(std::fabs(vector[i] * scale_of(row) - quantizer.center_[i]));
    }
  }
  const float step = StepFor(sizes, format.bits);
  // Equal vectors have nothing to tell apart.
  if (std::isnormal(step)) quantizer.step_ = step;
  return quantizer;
}

void Quantizer::Encode(const float* vector, float inverse_norm, uint8_t* code) const {
  const kernels::CodeKernels& kernels = kernels::CodeDistances(format_.bits);
  const float scale = format_.normalized ? inverse_norm : 1.0F;
  const float codes_per_unit = 1.0F / (step_ * static_cast<float>(kernels.scale));
  const float zero = static_cast<float>(-kernels.offset) / static_cast<float>(kernels.scale);
  const auto largest_code = static_cast<float>((1 << format_.bits) - 1);
  const float smallest_code = format_.bits == 8 ? 1.0F : 0.0F;
  const auto code_of = [&](size_t i) -> uint8_t {
    const float value = (vector[i] * scale - center_[i]) * codes_per_unit + zero;
    return static_cast<uint8_t>(std::lrint(std::clamp(value, smallest_code, largest_code)));
  };
  const size_t dimensions = center_.size();
  if (format_.bits == 8) {
    for (size_t i = 0; i < dimensions; ++i) code[i] = code_of(i);
    std::fill(code + dimensions, code + format_.Bytes(dimensions), uint8_t{128});
    return;
  }
  std::fill_n(code, format_.Bytes(dimensions), uint8_t{0});
  for (size_t i = 0; i < dimensions; ++i) {
    const CodePlace place = PlaceOf(i, format_.bits);
    code[place.byte] = static_cast<uint8_t>(code[place.byte] | code_of(i) << place.shift);
  }
}

void Quantizer::EncodeAll(const Rows& rows, uint8_t* codes) const {
  const size_t bytes = format_.Bytes(center_.size());
  VectorBuffer buffer;
  for (size_t row = 0; row < rows.count; ++row) {
    Encode(rows.Vector(row, buffer), rows.inverse_norms[row], codes + row * bytes);
  }
}

}  // namespace vecnest::index
