// Conversions between f32 and the narrow formats of matrix products, on the widest vector unit of
// the running CPU. A row's result depends on that row only. Pointers need no alignment.
#ifndef VECNEST_EMBEDDER_KERNELS_NARROW_H_
#define VECNEST_EMBEDDER_KERNELS_NARROW_H_

#include <cstddef>
#include <cstdint>

namespace vecnest::embedder::kernels {

// Rounds to the nearest bfloat16, ties to even. Finite input.
void ToBfloat16(const float* x, size_t count, uint16_t* out);

// How 8 bits stand for a row's values: x = scale * (q - zero).
struct RowScale {
  float scale;
  float zero;  // 0 .. 255, whole
};

// The row's smallest (or 0) to its largest value (or 0) become 0 to 255.
void QuantizeRows(const float* x, size_t rows, size_t width, uint8_t* out, RowScale* scales);

// Makes numbers of the sums of products of quantised rows with quantised weights, in place:
// `y` holds int32 sums and then scale * weight_scales[i] * (sum - zero * weight_sums[i]) + bias[i]
// as f32, through GELU (see elementwise.h) when told so.
struct Dequantizer {
  const float* weight_scales;  // of each output
  const float* weight_sums;    // of each output's quantised weights
  const float* bias;
  bool gelu;
};
void DequantizeRows(const Dequantizer& dequantizer, const RowScale* scales, size_t rows,
                    size_t width, float* y);

}  // namespace vecnest::embedder::kernels

#endif  // VECNEST_EMBEDDER_KERNELS_NARROW_H_
