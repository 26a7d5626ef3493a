// Row and element kernels of the forward pass, on the widest vector unit of the running CPU
// (Highway's run-time dispatch). All matrices are row-major f32; pointers need no alignment.
// A row's result depends on that row (or, for pooling, on those rows) only, never on how many
// rows a call gets. Between CPUs results differ by rounding.
#ifndef VECNEST_EMBEDDER_KERNELS_ELEMENTWISE_H_
#define VECNEST_EMBEDDER_KERNELS_ELEMENTWISE_H_

#include <cstddef>

namespace vecnest::embedder::kernels {

// out = a + b + c, `count` values each. `out` may be one of them.
void AddThree(const float* a, const float* b, const float* c, size_t count, float* out);

// out[r] = (s - mean(s)) / sqrt(variance(s) + epsilon) * scale + shift with s = x[r] + y[r], or
// x[r] alone where `y` is null. Sums in f32. `out` may be `x` or `y`. (Ba et al. 2016)
void LayerNorm(const float* x, const float* y, const float* scale, const float* shift,
               float epsilon, size_t rows, size_t width, float* out);

// x = x * (1 + erf(x / sqrt 2)) / 2 in place, absolute error below 5e-7 * max(1, |x|).
// (Hendrycks & Gimpel 2016, the exact form)
void Gelu(float* x, size_t count);

// Per column, over rows >= 1.
void MeanOfRows(const float* x, size_t rows, size_t width, float* out);
void MaxOfRows(const float* x, size_t rows, size_t width, float* out);

// Divides by the Euclidean norm; a vector of zeros stays as it is, one whose norm overflows becomes
// NaN.
void ScaleToUnitLength(float* x, size_t count);

}  // namespace vecnest::embedder::kernels

#endif  // VECNEST_EMBEDDER_KERNELS_ELEMENTWISE_H_
