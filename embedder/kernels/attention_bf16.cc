// Compiled for AVX-512 (see CMakeLists.txt), because Highway 1.0 has no vdpbf16ps. Nothing here may
// come from headers with inline functions that other files use too: the linker would keep one of
// the copies, maybe this one, for CPUs that cannot run it.
#include "embedder/kernels/attention_bf16.h"

#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 warns of its own intrinsics.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstdint>

namespace vecnest::embedder::kernels {
namespace {

constexpr size_t kLanes = 16;       // floats, or pairs of bfloat16, in a vector
constexpr size_t kTileRows = 6;     // queries that share the loads of keys and values
constexpr size_t kTileVectors = 4;  // with them, 24 of the 32 registers hold sums
constexpr size_t kAlignment = 64;

constexpr size_t RoundUp(size_t n, size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

__mmask16 FirstLanes(size_t n) {
  return static_cast<__mmask16>(n >= kLanes ? 0xFFFFU : (1U << n) - 1U);
}

__m512bh AsPairs(__m512i v) { return reinterpret_cast<__m512bh>(v); }

// One head's operands. Rows are of `pairs` or `tokens` vectors' worth of 32-bit words, each word
// two bfloat16 that vdpbf16ps multiplies and adds up.
struct Head {
  size_t tokens;
  size_t width;
  size_t padded_tokens;  // to whole vectors of scores, of two: attention weights come in pairs
  size_t padded_width;   // to whole vectors of pairs, 32
  uint32_t* queries;     // [tokens, padded_width / 2]: neighbours in a row
  uint32_t* keys;        // [padded_width / 2, padded_tokens]: the same, transposed
  uint32_t* values;      // [padded_tokens / 2, padded_width]: neighbours in a column
  float* scores;         // [kTileRows, padded_tokens]
  uint32_t* weights;     // [kTileRows, padded_tokens / 2]
};

// 32 numbers of a row, of which `count` exist, as bfloat16.
__m512i LoadAsPairs(const float* x, size_t count, __m512 factor) {
  const __m512 low = _mm512_maskz_loadu_ps(FirstLanes(count), x);
  const __m512 high = count > kLanes ? _mm512_maskz_loadu_ps(FirstLanes(count - kLanes), x + kLanes)
                                     : _mm512_setzero_ps();
  return reinterpret_cast<__m512i>(
      _mm512_cvtne2ps_pbh(_mm512_mul_ps(high, factor), _mm512_mul_ps(low, factor)));
}

// rows[r] becomes column r.
void Transpose(__m512i rows[kLanes]) {
  __m512i a[kLanes];
  for (size_t i = 0; i < kLanes; i += 2) {
    a[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    a[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (size_t i = 0; i < kLanes; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
  }
  // Now rows[4 g + c], in its 128-bit lane l, holds column 4 l + c of the rows 4 g to 4 g + 3.
  for (size_t c = 0; c < 4; ++c) {
    const __m512i low01 = _mm512_shuffle_i32x4(rows[c], rows[4 + c], 0x44);
    const __m512i high01 = _mm512_shuffle_i32x4(rows[c], rows[4 + c], 0xEE);
    const __m512i low23 = _mm512_shuffle_i32x4(rows[8 + c], rows[12 + c], 0x44);
    const __m512i high23 = _mm512_shuffle_i32x4(rows[8 + c], rows[12 + c], 0xEE);
    a[c] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    a[4 + c] = _mm512_shuffle_i32x4(low01, low23, 0xDD);
    a[8 + c] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    a[12 + c] = _mm512_shuffle_i32x4(high01, high23, 0xDD);
  }
  for (size_t i = 0; i < kLanes; ++i) rows[i] = a[i];
}

void PackQueries(const float* x, size_t stride, float factor, const Head& head) {
  const __m512 factors = _mm512_set1_ps(factor);
  for (size_t t = 0; t < head.tokens; ++t) {
    for (size_t i = 0; i < head.width; i += 2 * kLanes) {
      _mm512_storeu_si512(head.queries + (t * head.padded_width + i) / 2,
                          LoadAsPairs(x + t * stride + i, head.width - i, factors));
    }
  }
}

void PackKeys(const float* x, size_t stride, const Head& head) {
  const __m512 one = _mm512_set1_ps(1.0F);
  for (size_t i = 0; i < head.width; i += 2 * kLanes) {
    for (size_t t = 0; t < head.padded_tokens; t += kLanes) {
      __m512i block[kLanes];
      for (size_t r = 0; r < kLanes; ++r) {
        block[r] = t + r < head.tokens ? LoadAsPairs(x + (t + r) * stride + i, head.width - i, one)
                                       : _mm512_setzero_si512();
      }
      Transpose(block);
      for (size_t p = 0; p < kLanes; ++p) {
        _mm512_storeu_si512(head.keys + (i / 2 + p) * head.padded_tokens + t, block[p]);
      }
    }
  }
}

void PackValues(const float* x, size_t stride, const Head& head) {
  // Of two vectors one after another, the first of both, the second of both and so on.
  alignas(kAlignment) uint16_t order[2 * kLanes];
  for (size_t i = 0; i < kLanes; ++i) {
    order[2 * i] = static_cast<uint16_t>(i);
    order[2 * i + 1] = static_cast<uint16_t>(kLanes + i);
  }
  const __m512i interleave = _mm512_load_si512(order);
  for (size_t t = 0; t < head.tokens; t += 2) {
    for (size_t i = 0; i < head.padded_width; i += kLanes) {
      const __mmask16 lanes = i < head.width ? FirstLanes(head.width - i) : __mmask16{0};
      const __mmask16 next_lanes = t + 1 < head.tokens ? lanes : __mmask16{0};
      const __m512 first = _mm512_maskz_loadu_ps(lanes, x + t * stride + i);
      const __m512 second = _mm512_maskz_loadu_ps(next_lanes, x + (t + 1) * stride + i);
      const auto both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
      _mm512_storeu_si512(head.values + t / 2 * head.padded_width + i,
                          _mm512_permutexvar_epi16(interleave, both));
    }
  }
}

// sums[r][v] = sum over `depth` words of a[r][k] * b[k][16 v ..].
template <size_t kRows, size_t kVectors>
inline void Product(const uint32_t* a, size_t a_stride, const uint32_t* b, size_t b_stride,
                    size_t depth, __m512 sums[kRows][kVectors]) {
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) sums[r][v] = _mm512_setzero_ps();
  }
  for (size_t k = 0; k < depth; ++k) {
    __m512bh row[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      row[v] = AsPairs(_mm512_loadu_si512(b + k * b_stride + v * kLanes));
    }
    for (size_t r = 0; r < kRows; ++r) {
      const __m512bh factor = AsPairs(_mm512_set1_epi32(static_cast<int>(a[r * a_stride + k])));
      for (size_t v = 0; v < kVectors; ++v) {
        sums[r][v] = _mm512_dpbf16_ps(sums[r][v], row[v], factor);
      }
    }
  }
}

template <size_t kRows, size_t kVectors>
void Score(const Head& head, size_t first, size_t t) {
  __m512 sums[kRows][kVectors];
  Product<kRows, kVectors>(head.queries + first * head.padded_width / 2, head.padded_width / 2,
                           head.keys + t, head.padded_tokens, (head.width + 1) / 2, sums);
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      _mm512_storeu_ps(head.scores + r * head.padded_tokens + t + v * kLanes, sums[r][v]);
    }
  }
}

// 2^x for x <= 0, relative error below 5e-6: far below what rounding to bfloat16 loses.
__m512 Exp2(__m512 x) {
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(x, whole);
  __m512 p = _mm512_set1_ps(0.009670371F);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.055501651F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.240222459F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.693147182F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(p, whole);
}

// Makes attention weights, not yet divided by their sum, of one row of scores; returns the sum.
float Exponentials(const float* scores, const Head& head, uint32_t* weights) {
  const __m512 lowest = _mm512_set1_ps(-3.0e38F);
  __m512 largest = lowest;
  for (size_t t = 0; t < head.tokens; t += kLanes) {
    largest = _mm512_max_ps(largest,
                            _mm512_mask_loadu_ps(lowest, FirstLanes(head.tokens - t), scores + t));
  }
  largest = _mm512_set1_ps(_mm512_reduce_max_ps(largest));
  __m512 sum = _mm512_setzero_ps();
  const auto weigh = [&](size_t t) {
    if (t >= head.tokens) return _mm512_setzero_ps();
    const __m512 e = _mm512_maskz_mov_ps(FirstLanes(head.tokens - t),
                                         Exp2(_mm512_sub_ps(_mm512_loadu_ps(scores + t), largest)));
    sum = _mm512_add_ps(sum, e);
    return e;
  };
  for (size_t t = 0; t < head.tokens; t += 2 * kLanes) {
    const __m512 low = weigh(t);
    const __m512 high = weigh(t + kLanes);
    _mm512_storeu_si512(weights + t / 2, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
  }
  return _mm512_reduce_add_ps(sum);
}

template <size_t kRows, size_t kVectors>
void Mix(const Head& head, const float* inverse_sums, size_t column, float* out, size_t stride) {
  __m512 sums[kRows][kVectors];
  Product<kRows, kVectors>(head.weights, head.padded_tokens / 2, head.values + column,
                           head.padded_width, (head.tokens + 1) / 2, sums);
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t i = column + v * kLanes;
      if (i >= head.width) break;
      _mm512_mask_storeu_ps(out + r * stride + i, FirstLanes(head.width - i),
                            _mm512_mul_ps(sums[r][v], _mm512_set1_ps(inverse_sums[r])));
    }
  }
}

template <size_t kRows>
void AttendRows(const Head& head, size_t first, float* out, size_t stride) {
  constexpr size_t kStep = kTileVectors * kLanes;
  size_t t = 0;
  for (; t + kStep <= head.padded_tokens; t += kStep) Score<kRows, kTileVectors>(head, first, t);
  for (; t < head.tokens; t += kLanes) Score<kRows, 1>(head, first, t);
  float inverse_sums[kRows];
  for (size_t r = 0; r < kRows; ++r) {
    inverse_sums[r] = 1.0F / Exponentials(head.scores + r * head.padded_tokens, head,
                                          head.weights + r * head.padded_tokens / 2);
  }
  float* row = out + first * stride;
  size_t i = 0;
  for (; i + kStep <= head.padded_width; i += kStep) {
    Mix<kRows, kTileVectors>(head, inverse_sums, i, row, stride);
  }
  for (; i < head.padded_width; i += 2 * kLanes) Mix<kRows, 2>(head, inverse_sums, i, row, stride);
}

Head Describe(const AttentionShape& shape) {
  Head head = {};
  head.tokens = shape.tokens;
  head.width = shape.head_width;
  head.padded_tokens = RoundUp(shape.tokens, 2 * kLanes);
  head.padded_width = RoundUp(shape.head_width, 2 * kLanes);
  return head;
}

}  // namespace

size_t AttentionBf16Scratch(const AttentionShape& shape) {
  const Head head = Describe(shape);
  const size_t queries = head.tokens * head.padded_width / 2;
  const size_t keys = head.padded_width / 2 * head.padded_tokens;
  const size_t values = head.padded_tokens / 2 * head.padded_width;
  return queries + keys + values + kTileRows * head.padded_tokens * 3 / 2 +
         kAlignment / sizeof(float);
}

void AttentionBf16(const float* qkv, const AttentionShape& shape, float* scratch, float* out) {
  const size_t width = shape.heads * shape.head_width;
  const size_t stride = 3 * width;
  const size_t beyond = reinterpret_cast<uintptr_t>(scratch) % kAlignment;
  float* aligned = scratch + (kAlignment - beyond) % kAlignment / sizeof(float);
  Head head = Describe(shape);
  head.keys = reinterpret_cast<uint32_t*>(aligned);
  head.values = head.keys + head.padded_width / 2 * head.padded_tokens;
  head.scores = reinterpret_cast<float*>(head.values + head.padded_tokens / 2 * head.padded_width);
  head.weights = reinterpret_cast<uint32_t*>(head.scores + kTileRows * head.padded_tokens);
  head.queries = head.weights + kTileRows * head.padded_tokens / 2;
  // Scores become exponents of 2.
  constexpr float kLog2OfE = 1.44269504F;
  const float factor =
      kLog2OfE / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(static_cast<float>(shape.head_width))));
  for (size_t h = 0; h < shape.heads; ++h) {
    const float* queries = qkv + h * shape.head_width;
    PackQueries(queries, stride, factor, head);
    PackKeys(queries + width, stride, head);
    PackValues(queries + 2 * width, stride, head);
    float* to = out + h * shape.head_width;
    size_t row = 0;
    for (; row + kTileRows <= shape.tokens; row += kTileRows) {
      AttendRows<kTileRows>(head, row, to, width);
    }
    for (; row < shape.tokens; ++row) AttendRows<1>(head, row, to, width);
  }
}

}  // namespace vecnest::embedder::kernels
