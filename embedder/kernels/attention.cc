#include "embedder/kernels/attention.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "embedder/kernels/attention.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// foreach_target.h comes first.
#include "embedder/kernels/partial-inl.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

#ifndef VECNEST_EMBEDDER_KERNELS_ATTENTION_ONCE_
#define VECNEST_EMBEDDER_KERNELS_ATTENTION_ONCE_
namespace vecnest::embedder::kernels {

// The most rows of queries, on any target, that share the loads of keys and values.
constexpr size_t kMostTileRows = 6;
// Packed rows are padded to the widest vector of any target.
constexpr size_t kPadding = 16;
constexpr size_t Padded(size_t n) { return (n + kPadding - 1) / kPadding * kPadding; }

}  // namespace vecnest::embedder::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace vecnest::embedder::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Sums of a tile fill most of the registers: 32 with AVX-512, 16 before.
constexpr size_t kTileRows = HWY_TARGET <= HWY_AVX3 ? kMostTileRows : 4;
constexpr size_t kTileVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;

// out[r][0 .. kVectors * lanes) = factors[r] * sum over k < depth of a[r][k] * b[k], for kRows
// rows: the inner tile of both products.
template <size_t kRows, size_t kVectors>
HWY_INLINE void ProductTile(const float* HWY_RESTRICT a, size_t a_stride,
                            const float* HWY_RESTRICT b, size_t b_stride, size_t depth,
                            const float* HWY_RESTRICT factors, float* HWY_RESTRICT out,
                            size_t out_stride) {
  const D d;
  V sums[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  for (size_t k = 0; k < depth; ++k) {
    V row[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      row[v] = hn::LoadU(d, b + k * b_stride + v * hn::Lanes(d));
    }
    for (size_t r = 0; r < kRows; ++r) {
      const V factor = hn::Set(d, a[r * a_stride + k]);
      for (size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(factor, row[v], sums[r][v]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    const V factor = hn::Set(d, factors[r]);
    for (size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(hn::Mul(sums[r][v], factor), d, out + r * out_stride + v * hn::Lanes(d));
    }
  }
}

// The same for `width` columns, a multiple of kPadding.
template <size_t kRows>
HWY_INLINE void Product(const float* a, size_t a_stride, const float* b, size_t width, size_t depth,
                        const float* factors, float* out, size_t out_stride) {
  const size_t lanes = hn::Lanes(D());
  size_t i = 0;
  for (; i + kTileVectors * lanes <= width; i += kTileVectors * lanes) {
    ProductTile<kRows, kTileVectors>(a, a_stride, b + i, width, depth, factors, out + i,
                                     out_stride);
  }
  for (; i + 2 * lanes <= width; i += 2 * lanes) {
    ProductTile<kRows, 2>(a, a_stride, b + i, width, depth, factors, out + i, out_stride);
  }
  for (; i < width; i += lanes) {
    ProductTile<kRows, 1>(a, a_stride, b + i, width, depth, factors, out + i, out_stride);
  }
}

// Replaces the first `count` scores by exp(score - max), the padding behind them by zeros, and
// returns the sum.
HWY_INLINE float Exponentials(float* HWY_RESTRICT scores, size_t count) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V lowest = hn::Set(d, -3.0e38F);
  V largest = lowest;
  for (size_t i = 0; i < count; i += lanes) {
    const V v = hn::LoadU(d, scores + i);
    largest = hn::Max(largest,
                      i + lanes <= count ? v : hn::IfThenElse(hn::FirstN(d, count - i), v, lowest));
  }
  largest = hn::MaxOfLanes(d, largest);
  V sum = hn::Zero(d);
  for (size_t i = 0; i < count; i += lanes) {
    V e = hn::Exp(d, hn::Sub(hn::LoadU(d, scores + i), largest));
    if (i + lanes > count) e = hn::IfThenElseZero(hn::FirstN(d, count - i), e);
    hn::StoreU(e, d, scores + i);
    sum = hn::Add(sum, e);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// One head. `keys` is transposed, [head_width, Padded(tokens)]; `values` [tokens, padded width].
struct Head {
  const float* queries;  // rows qkv_stride apart
  size_t qkv_stride;
  const float* keys;
  const float* values;
  float* scores;   // [kMostTileRows, Padded(tokens)]
  float* context;  // [kMostTileRows, Padded(head_width)]
  float* out;      // rows out_stride apart
  size_t out_stride;
};

template <size_t kRows>
HWY_INLINE void AttendRows(const Head& head, const AttentionShape& shape, size_t first) {
  const size_t padded_tokens = Padded(shape.tokens);
  const size_t padded_width = Padded(shape.head_width);
  float factors[kRows];
  const float scale = 1.0F / sqrtf(static_cast<float>(shape.head_width));
  for (size_t r = 0; r < kRows; ++r) factors[r] = scale;
  Product<kRows>(head.queries + first * head.qkv_stride, head.qkv_stride, head.keys, padded_tokens,
                 shape.head_width, factors, head.scores, padded_tokens);
  for (size_t r = 0; r < kRows; ++r) {
    factors[r] = 1.0F / Exponentials(head.scores + r * padded_tokens, shape.tokens);
  }
  Product<kRows>(head.scores, padded_tokens, head.values, padded_width, shape.tokens, factors,
                 head.context, padded_width);
  for (size_t r = 0; r < kRows; ++r) {
    const float* from = head.context + r * padded_width;
    float* to = head.out + (first + r) * head.out_stride;
    ForEachVector(shape.head_width, [&](size_t i, size_t n)
                                        HWY_ATTR { StorePart(LoadPart(from + i, n), n, to + i); });
  }
}

// Copies one head's keys (transposed) and values out of the rows of qkv, padded with zeros.
void PackHead(const float* HWY_RESTRICT keys_in, const float* HWY_RESTRICT values_in, size_t stride,
              const AttentionShape& shape, float* HWY_RESTRICT keys, float* HWY_RESTRICT values) {
  const size_t padded_tokens = Padded(shape.tokens);
  const size_t padded_width = Padded(shape.head_width);
  for (size_t t = 0; t < shape.tokens; ++t) {
    for (size_t i = 0; i < shape.head_width; ++i) {
      keys[i * padded_tokens + t] = keys_in[t * stride + i];
    }
    for (size_t i = 0; i < padded_width; ++i) {
      values[t * padded_width + i] = i < shape.head_width ? values_in[t * stride + i] : 0.0F;
    }
  }
  for (size_t i = 0; i < shape.head_width; ++i) {
    for (size_t t = shape.tokens; t < padded_tokens; ++t) keys[i * padded_tokens + t] = 0.0F;
  }
}

void Attention(const float* qkv, const AttentionShape& shape, float* scratch, float* out) {
  const size_t width = shape.heads * shape.head_width;
  const size_t stride = 3 * width;
  const size_t padded_tokens = Padded(shape.tokens);
  const size_t padded_width = Padded(shape.head_width);
  float* keys = scratch;
  float* values = keys + shape.head_width * padded_tokens;
  float* scores = values + shape.tokens * padded_width;
  float* context = scores + kMostTileRows * padded_tokens;
  for (size_t h = 0; h < shape.heads; ++h) {
    const float* queries = qkv + h * shape.head_width;
    PackHead(queries + width, queries + 2 * width, stride, shape, keys, values);
    const Head head = {queries, stride, keys, values, scores, context, out + h * shape.head_width,
                       width};
    size_t row = 0;
    for (; row + kTileRows <= shape.tokens; row += kTileRows) {
      AttendRows<kTileRows>(head, shape, row);
    }
    for (; row < shape.tokens; ++row) AttendRows<1>(head, shape, row);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::embedder::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vecnest::embedder::kernels {

HWY_EXPORT(Attention);

size_t AttentionScratch(const AttentionShape& shape) {
  const size_t padded_tokens = Padded(shape.tokens);
  const size_t padded_width = Padded(shape.head_width);
  return shape.head_width * padded_tokens + shape.tokens * padded_width +
         kMostTileRows * (padded_tokens + padded_width);
}

void Attention(const float* qkv, const AttentionShape& shape, float* scratch, float* out) {
  HWY_DYNAMIC_DISPATCH(Attention)(qkv, shape, scratch, out);
}

}  // namespace vecnest::embedder::kernels
#endif  // HWY_ONCE
