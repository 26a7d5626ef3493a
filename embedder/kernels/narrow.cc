#include "embedder/kernels/narrow.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "embedder/kernels/narrow.cc"
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

void ToBfloat16(const float* HWY_RESTRICT x, size_t count, uint16_t* HWY_RESTRICT out) {
  const hn::RebindToUnsigned<D> bits;
  const hn::RebindToSigned<D> whole;
  const hn::Rebind<uint16_t, D> half;
  ForEachVector(count, [&](size_t i, size_t n) HWY_ATTR {
    const auto v = hn::BitCast(bits, LoadPart(x + i, n));
    const auto odd = hn::And(hn::ShiftRight<16>(v), hn::Set(bits, 1));
    const auto rounded = hn::Add(hn::Add(v, hn::Set(bits, 0x7FFF)), odd);
    const auto top = hn::BitCast(whole, hn::ShiftRight<16>(rounded));
    StorePart(hn::DemoteTo(half, top), n, out + i);
  });
}

RowScale ScaleOf(const float* x, size_t width) {
  const D d;
  V smallest = hn::Zero(d);
  V largest = hn::Zero(d);
  ForEachVector(width, [&](size_t i, size_t n) HWY_ATTR {
    const V v = LoadPart(x + i, n);
    smallest = hn::Min(smallest, v);
    largest = hn::Max(largest, v);
  });
  const float low = hn::GetLane(hn::MinOfLanes(d, smallest));
  const float high = hn::GetLane(hn::MaxOfLanes(d, largest));
  if (!(high > low)) return {1.0F, 0.0F};
  const float scale = (high - low) / 255.0F;
  const V zero = hn::Round(hn::Set(d, -low / scale));
  return {scale, hn::GetLane(zero)};
}

void QuantizeRows(const float* HWY_RESTRICT x, size_t rows, size_t width, uint8_t* HWY_RESTRICT out,
                  RowScale* scales) {
  const D d;
  const hn::Rebind<uint8_t, D> byte;
  for (size_t r = 0; r < rows; ++r, x += width, out += width) {
    scales[r] = ScaleOf(x, width);
    const V factor = hn::Set(d, 1.0F / scales[r].scale);
    const V zero = hn::Set(d, scales[r].zero);
    ForEachVector(width, [&](size_t i, size_t n) HWY_ATTR {
      const auto q = hn::NearestInt(hn::MulAdd(LoadPart(x + i, n), factor, zero));
      StorePart(hn::DemoteTo(byte, q), n, out + i);
    });
  }
}

template <bool kGelu>
void DequantizeRowsTo(const Dequantizer& by, const RowScale* scales, size_t rows, size_t width,
                      float* y) {
  const D d;
  const hn::RebindToSigned<D> whole;
  for (size_t r = 0; r < rows; ++r, y += width) {
    const V scale = hn::Set(d, scales[r].scale);
    const V zero = hn::Set(d, scales[r].zero);
    ForEachVector(width, [&](size_t i, size_t n) HWY_ATTR {
      const V sum = hn::ConvertTo(d, hn::BitCast(whole, LoadPart(y + i, n)));
      const V product = hn::NegMulAdd(zero, LoadPart(by.weight_sums + i, n), sum);
      const V factor = hn::Mul(scale, LoadPart(by.weight_scales + i, n));
      const V value = hn::MulAdd(product, factor, LoadPart(by.bias + i, n));
      StorePart(kGelu ? GeluOf(value) : value, n, y + i);
    });
  }
}

void DequantizeRows(const Dequantizer& by, const RowScale* scales, size_t rows, size_t width,
                    float* y) {
  if (by.gelu) {
    DequantizeRowsTo<true>(by, scales, rows, width, y);
  } else {
    DequantizeRowsTo<false>(by, scales, rows, width, y);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::embedder::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vecnest::embedder::kernels {

HWY_EXPORT(ToBfloat16);
HWY_EXPORT(QuantizeRows);
HWY_EXPORT(DequantizeRows);

void ToBfloat16(const float* x, size_t count, uint16_t* out) {
  HWY_DYNAMIC_DISPATCH(ToBfloat16)(x, count, out);
}

void QuantizeRows(const float* x, size_t rows, size_t width, uint8_t* out, RowScale* scales) {
  HWY_DYNAMIC_DISPATCH(QuantizeRows)(x, rows, width, out, scales);
}

void DequantizeRows(const Dequantizer& dequantizer, const RowScale* scales, size_t rows,
                    size_t width, float* y) {
  HWY_DYNAMIC_DISPATCH(DequantizeRows)(dequantizer, scales, rows, width, y);
}

}  // namespace vecnest::embedder::kernels
#endif  // HWY_ONCE
