#include "index/quantizer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "index/for_each_row.h"
#include "index/kernels/distance.h"
#include "index/random_rotation.h"

namespace vecnest::index {
namespace {

constexpr size_t kSample = 20000;
// More change little, and take longer to choose.
constexpr size_t kMostFlips = 32;
constexpr size_t kDimensionsForFourBits = 128;

// The shares of components that may lie below the largest number that a code stands for: the rarest
// ones would cost all others resolution. The least of them is 3 or 3.5 deviations of normally
// distributed components; more where the largest components are those of a few dimensions, as of
// vectors on their principal axes, and these weigh most in products.
constexpr double kKeptShares[] = {0.997, 0.999, 0.9995, 0.9999, 0.99999, 1};
static_assert(std::is_sorted(std::begin(kKeptShares), std::end(kKeptShares)));
constexpr double kLeastKeptOfBytes = 0.9995;
// Of the rows, every so many-th tells how large errors are.
constexpr size_t kErrorSpacing = 16;

// Sizes of components, row after row, and what each dimension weighs in products with a query from
// where the vectors are: its mean square.
struct ComponentSizes {
  std::vector<float> sizes;
  std::vector<double> weights;
};

// How far products are off when components are rounded to such steps, squared, for comparison.
double ProductError(const ComponentSizes& components, float step, int bits) {
  const size_t dimensions = components.weights.size();
  const std::vector<float>& sizes = components.sizes;
  double sum = 0;
  for (size_t row = 0; row < sizes.size(); row += kErrorSpacing * dimensions) {
    for (size_t i = 0; i < dimensions; ++i) {
      const float steps = sizes[row + i] / step;
      // Numbers of 4 bits are odd (kernels/code_distance.h).
      const float number = bits == 4 ? std::min(2 * std::floor(steps / 2) + 1, 15.0F)
                                     : std::min(std::nearbyint(steps), 127.0F);
      sum += components.weights[i] * std::pow(double{steps} - number, 2);
    }
  }
  return sum * step * step;
}

float Dot(absl::Span<const float> a, absl::Span<const float> b) {
  return kernels::Distances().dot(a.data(), b.data(), a.size());
}

// The `count` largest of values that are not negative, smallest first.
std::vector<float> LargestInOrder(absl::Span<const float> values, size_t count) {
  // By the exponent and three bits more, which order as the values do.
  constexpr int kLeftOut = 20;
  constexpr size_t kBuckets = size_t{1} << (31 - kLeftOut);
  const auto bucket_of = [](float value) { return std::bit_cast<uint32_t>(value) >> kLeftOut; };
  std::array<size_t, kBuckets> sizes{};
  for (const float value : values) ++sizes[bucket_of(value)];
  size_t first = kBuckets;
  size_t taken = 0;
  while (taken < count) taken += sizes[--first];
  std::vector<float> largest;
  largest.reserve(taken);
  std::copy_if(values.begin(), values.end(), std::back_inserter(largest),
               [&](float value) { return bucket_of(value) >= first; });
  // Where components are alike one bucket holds most of them.
  const auto wanted = largest.end() - static_cast<ptrdiff_t>(count);
  std::nth_element(largest.begin(), wanted, largest.end());
  largest.erase(largest.begin(), wanted);
  std::sort(largest.begin(), largest.end());
  return largest;
}

// What one step is for components of these sizes.
float StepFor(const ComponentSizes& components, int bits) {
  const std::vector<float>& sizes = components.sizes;
  if (bits == 1) {
    // Plus or minus one step is nearest to all of them at their mean.
    const double sum = std::accumulate(sizes.begin(), sizes.end(), 0.0);
    return static_cast<float>(sum / static_cast<double>(sizes.size()));
  }
  const auto below = [&](double share) {
    return static_cast<size_t>(static_cast<double>(sizes.size() - 1) * share);
  };
  const float largest = bits == 4 ? 15 : 127;
  const std::vector<float> ordered = LargestInOrder(sizes, sizes.size() - below(kKeptShares[0]));
  float best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (const double share : kKeptShares) {
    if (bits == 8 && share < kLeastKeptOfBytes) continue;
    const float step = ordered[below(share) - (sizes.size() - ordered.size())] / largest;
    const double error = ProductError(components, step, bits);
    if (error < least) {
      least = error;
      best = step;
    }
  }
  return best;
}

// Where the code of a dimension lies (kernels/code_distance.h).
struct CodePlace {
  size_t byte = 0;
  size_t shift = 0;
};

CodePlace PlaceOf(size_t dimension, int bits) {
  if (bits == 8) return {dimension, 0};
  if (bits == 1) return {dimension / 8, dimension % 8};
  constexpr size_t kHalf = kernels::kCodeAlignment;
  return {dimension / (2 * kHalf) * kHalf + dimension % kHalf,
          dimension % (2 * kHalf) < kHalf ? 0U : 4U};
}

// What the code of a dimension stands for.
int32_t NumberAt(const uint8_t* code, size_t dimension, const kernels::CodeKernels& kernels) {
  const CodePlace place = PlaceOf(dimension, kernels.bits);
  const unsigned mask = (1U << static_cast<unsigned>(kernels.bits)) - 1;
  const auto value = static_cast<int32_t>(code[place.byte] >> place.shift & mask);
  return kernels.scale * value + kernels.offset;
}

}  // namespace

CodeFormat CodeFormat::For(Metric metric, size_t dimensions, int bits, bool principal_axes) {
  if (metric == Metric::kManhattan) return {};
  if (bits == 0) bits = dimensions >= kDimensionsForFourBits ? 4 : 8;
  return {bits, metric == Metric::kCosine, bits == 1 && principal_axes};
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
  ComponentSizes components;
  components.weights.resize(dimensions);
  size_t sampled = 0;
  VectorBuffer buffer;
  std::vector<float> turned;
  for (size_t row = 0; row < rows.count; row += spacing, ++sampled) {
    const float* vector = quantizer.Turned(rows.Vector(row, buffer), turned);
    for (size_t i = 0; i < dimensions; ++i) {
      const double value = vector[i] * scale_of(row);
      sums[i] += value;
      components.weights[i] += value * value;
    }
  }
  for (size_t i = 0; i < dimensions; ++i) {
    quantizer.center_[i] = static_cast<float>(sums[i] / static_cast<double>(sampled));
  }
  components.sizes.resize(sampled * dimensions);
  float* size = components.sizes.data();
  for (size_t row = 0; row < rows.count; row += spacing) {
    const float* vector = quantizer.Turned(rows.Vector(row, buffer), turned);
    for (size_t i = 0; i < dimensions; ++i) {
      *size++ = std::fabs(vector[i] * scale_of(row) - quantizer.center_[i]);
    }
  }
  const float step = StepFor(components, format.bits);
  // Equal vectors have nothing to tell apart, and no error that is worth mentioning.
  const auto largest =
      std::max_element(quantizer.center_.begin(), quantizer.center_.end(),
                       [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  quantizer.step_ = std::isnormal(step) ? step : std::max(1e-6F * std::fabs(*largest), 1e-20F);
  return quantizer;
}

const float* Quantizer::Turned(const float* vector, std::vector<float>& buffer) const {
  if (!format_.turned) return vector;
  buffer.assign(vector, vector + center_.size());
  RotateRandomly(absl::MakeSpan(buffer));
  return buffer.data();
}

// What rounding leaves of each component, in codes, weighs as much as the center has of it: a query
// from where the vectors are has the center's share in its products with all of them. So, of the
// components that were nearly rounded the other way, as many are as it takes for the product of
// center and error to vanish. (Where vectors point mostly in one direction, as those of e5 do, that
// product was most of the error: recall .955 of 20,000 at ef 64 with 4 bits, and .970 with this, as
// with 8 bits.)
void Quantizer::Balance(Rounded& rounded) const {
  float product = Dot(center_, rounded.left);
  // What a flip adds to the squared error for what it takes off the product, above the component.
  // Integers order as such floats do; nothing branches on what is left, which cannot be guessed.
  thread_local std::vector<uint64_t> flips;
  flips.resize(center_.size());
  size_t count = 0;
  for (size_t i = 0; i < center_.size(); ++i) {
    const float left = rounded.left[i];
    const float step = left > 0 ? 1.0F : -1.0F;
    const float flipped = rounded.codes[i] + step;
    const float price = std::max(0.0F, 1 - 2 * std::fabs(left)) / std::fabs(center_[i]);
    flips[count] = uint64_t{std::bit_cast<uint32_t>(price)} << 32U | i;
    const auto helps = static_cast<unsigned>(center_[i] * step * product > 0);
    const auto fits = static_cast<unsigned>(flipped >= smallest_code_) &
                      static_cast<unsigned>(flipped <= largest_code_);
    count += helps & fits;
  }
  const auto end = flips.begin() + static_cast<ptrdiff_t>(std::min(kMostFlips, count));
  std::nth_element(flips.begin(), end, flips.begin() + static_cast<ptrdiff_t>(count));
  std::sort(flips.begin(), end);
  for (auto flip = flips.begin(); flip != end; ++flip) {
    const auto i = static_cast<uint32_t>(*flip);
    const float step = rounded.left[i] > 0 ? 1.0F : -1.0F;
    const float change = center_[i] * step;
    // Too much, or in the wrong direction by now.
    if (std::fabs(product - change) >= std::fabs(product)) continue;
    rounded.codes[i] += step;
    product -= change;
  }
}

float Quantizer::Encode(const float* vector, float inverse_norm, uint8_t* code) const {
  const kernels::CodeKernels& kernels = kernels::CodeDistances(format_.bits);
  const float scale = format_.normalized ? inverse_norm : 1.0F;
  const float codes_per_unit = 1.0F / (step_ * static_cast<float>(kernels.scale));
  const float zero = static_cast<float>(-kernels.offset) / static_cast<float>(kernels.scale);
  const size_t dimensions = center_.size();
  thread_local Rounded rounded;
  rounded.codes.resize(dimensions);
  rounded.left.resize(dimensions);
  thread_local std::vector<float> turned;
  vector = Turned(vector, turned);
  for (size_t i = 0; i < dimensions; ++i) {
    const float value = (vector[i] * scale - center_[i]) * codes_per_unit + zero;
    rounded.codes[i] = std::nearbyint(std::clamp(value, smallest_code_, largest_code_));
    rounded.left[i] = value - rounded.codes[i];
  }
  const float error = Dot(rounded.left, rounded.left) / static_cast<float>(dimensions);
  // Of one bit a turn is a large error.
  if (format_.bits > 1) Balance(rounded);
  if (format_.bits == 8) {
    for (size_t i = 0; i < dimensions; ++i) code[i] = static_cast<uint8_t>(rounded.codes[i]);
    std::fill(code + dimensions, code + format_.Bytes(dimensions), uint8_t{128});
    return error;
  }
  std::fill_n(code, format_.Bytes(dimensions), uint8_t{0});
  for (size_t i = 0; i < dimensions; ++i) {
    const CodePlace place = PlaceOf(i, format_.bits);
    const auto value = static_cast<unsigned>(rounded.codes[i]);
    code[place.byte] = static_cast<uint8_t>(code[place.byte] | value << place.shift);
  }
  return error;
}

float Quantizer::EncodeAll(const Rows& rows, uint8_t* codes, int threads,
                           const std::atomic<bool>* stop) const {
  constexpr size_t kBlock = 256;
  const size_t bytes = format_.Bytes(center_.size());
  std::vector<float> largest_errors((rows.count + kBlock - 1) / kBlock);
  ForEachRow(0, largest_errors.size(), threads, stop, [&](size_t block) {
    VectorBuffer buffer;
    const size_t end = std::min((block + 1) * kBlock, rows.count);
    for (size_t row = block * kBlock; row < end; ++row) {
      const float error =
          Encode(rows.Vector(row, buffer), rows.inverse_norms[row], codes + row * bytes);
      largest_errors[block] = std::max(largest_errors[block], error);
    }
  });
  return largest_errors.empty() ? 0
                                : *std::max_element(largest_errors.begin(), largest_errors.end());
}

void CodeView::Numbers(size_t row, absl::Span<int8_t> numbers) const {
  const kernels::CodeKernels& kernels = kernels::CodeDistances(format.bits);
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<int8_t>(NumberAt(Code(row), i, kernels));
  }
}

void Quantizer::Decode(const uint8_t* code, absl::Span<float> vector) const {
  const kernels::CodeKernels& kernels = kernels::CodeDistances(format_.bits);
  for (size_t i = 0; i < vector.size(); ++i) {
    vector[i] = center_[i] + step_ * static_cast<float>(NumberAt(code, i, kernels));
  }
  if (format_.turned) RotateBack(vector);
}

}  // namespace vecnest::index
