#include "embedder/kernels/elementwise.h"

#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "embedder/kernels/elementwise.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// foreach_target.h comes first.
#include "embedder/kernels/gelu-inl.h"
#include "embedder/kernels/partial-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecnest::embedder::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

void AddThree(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, const float* HWY_RESTRICT c,
              size_t count, float* out) {
  ForEachVector(count, [&](size_t i, size_t n) HWY_ATTR {
    const V sum = hn::Add(LoadPart(a + i, n), LoadPart(b + i, n));
    StorePart(hn::Add(sum, LoadPart(c + i, n)), n, out + i);
  });
}

void LayerNormRow(const float* x, const float* y, const float* HWY_RESTRICT scale,
                  const float* HWY_RESTRICT shift, float epsilon, size_t width, float* out) {
  const D d;
  V sum = hn::Zero(d);
  ForEachVector(width, [&](size_t i, size_t n) HWY_ATTR {
    V v = LoadPart(x + i, n);
    if (y != nullptr) v = hn::Add(v, LoadPart(y + i, n));
    sum = hn::Add(sum, v);
    StorePart(v, n, out + i);
  });
  const float inverse_width = 1.0F / static_cast<float>(width);
  const V mean = hn::Mul(hn::SumOfLanes(d, sum), hn::Set(d, inverse_width));
  V squares = hn::Zero(d);
  ForEachVector(width, [&](size_t i, size_t n) HWY_ATTR {
    // Missing lanes of the last part must not count as (0 - mean).
    V difference = hn::Sub(LoadPart(out + i, n), mean);
    if (n < hn::Lanes(d)) difference = hn::IfThenElseZero(hn::FirstN(d, n), difference);
    squares = hn::MulAdd(difference, difference, squares);
  });
  const float variance = hn::GetLane(hn::SumOfLanes(d, squares)) * inverse_width;
  const V factor = hn::Div(hn::Set(d, 1.0F), hn::Sqrt(hn::Set(d, variance + epsilon)));
  ForEachVector(width, [&](size_t i, size_t n) HWY_ATTR {
    const V normal = hn::Mul(hn::Sub(LoadPart(out + i, n), mean), factor);
    StorePart(hn::MulAdd(normal, LoadPart(scale + i, n), LoadPart(shift + i, n)), n, out + i);
  });
}

void LayerNorm(const float* x, const float* y, const float* scale, const float* shift,
               float epsilon, size_t rows, size_t width, float* out) {
  for (size_t r = 0; r < rows; ++r) {
    const size_t offset = r * width;
    LayerNormRow(x + offset, y == nullptr ? nullptr : y + offset, scale, shift, epsilon, width,
                 out + offset);
  }
}

void Gelu(float* x, size_t count) {
  ForEachVector(
      count, [&](size_t i, size_t n) HWY_ATTR { StorePart(GeluOf(LoadPart(x + i, n)), n, x + i); });
}

void MeanOfRows(const float* HWY_RESTRICT x, size_t rows, size_t width, float* HWY_RESTRICT out) {
  const D d;
  const V inverse = hn::Set(d, 1.0F / static_cast<float>(rows));
  ForEachVector(width, [&](size_t i, size_t n) HWY_ATTR {
    V sum = LoadPart(x + i, n);
    for (size_t r = 1; r < rows; ++r) sum = hn::Add(sum, LoadPart(x + r * width + i, n));
    StorePart(hn::Mul(sum, inverse), n, out + i);
  });
}

void MaxOfRows(const float* HWY_RESTRICT x, size_t rows, size_t width, float* HWY_RESTRICT out) {
  ForEachVector(width, [&](size_t i, size_t n) HWY_ATTR {
    V largest = LoadPart(x + i, n);
    for (size_t r = 1; r < rows; ++r) largest = hn::Max(largest, LoadPart(x + r * width + i, n));
    StorePart(largest, n, out + i);
  });
}

void ScaleToUnitLength(float* x, size_t count) {
  const D d;
  V squares = hn::Zero(d);
  ForEachVector(count, [&](size_t i, size_t n) HWY_ATTR {
    const V v = LoadPart(x + i, n);
    squares = hn::MulAdd(v, v, squares);
  });
  const float norm = std::sqrt(hn::GetLane(hn::SumOfLanes(d, squares)));
  if (!(norm > 0)) return;
  // A length that overflows must not end as the zero vector.
  const float scale = std::isinf(norm) ? std::numeric_limits<float>::quiet_NaN() : 1.0F / norm;
  const V factor = hn::Set(d, scale);
  ForEachVector(count, [&](size_t i, size_t n)
                           HWY_ATTR { StorePart(hn::Mul(LoadPart(x + i, n), factor), n, x + i); });
}

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::embedder::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vecnest::embedder::kernels {

HWY_EXPORT(AddThree);
HWY_EXPORT(LayerNorm);
HWY_EXPORT(Gelu);
HWY_EXPORT(MeanOfRows);
HWY_EXPORT(MaxOfRows);
HWY_EXPORT(ScaleToUnitLength);

void AddThree(const float* a, const float* b, const float* c, size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(AddThree)(a, b, c, count, out);
}

void LayerNorm(const float* x, const float* y, const float* scale, const float* shift,
               float epsilon, size_t rows, size_t width, float* out) {
  HWY_DYNAMIC_DISPATCH(LayerNorm)(x, y, scale, shift, epsilon, rows, width, out);
}

void Gelu(float* x, size_t count) { HWY_DYNAMIC_DISPATCH(Gelu)(x, count); }

void MeanOfRows(const float* x, size_t rows, size_t width, float* out) {
  HWY_DYNAMIC_DISPATCH(MeanOfRows)(x, rows, width, out);
}

void MaxOfRows(const float* x, size_t rows, size_t width, float* out) {
  HWY_DYNAMIC_DISPATCH(MaxOfRows)(x, rows, width, out);
}

void ScaleToUnitLength(float* x, size_t count) {
  HWY_DYNAMIC_DISPATCH(ScaleToUnitLength)(x, count);
}

}  // namespace vecnest::embedder::kernels
#endif  // HWY_ONCE
