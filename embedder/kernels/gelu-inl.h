// GELU on one vector. Included once per target by the kernels' .cc files, never by a header.
#if defined(VECNEST_EMBEDDER_KERNELS_GELU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VECNEST_EMBEDDER_KERNELS_GELU_INL_H_
#undef VECNEST_EMBEDDER_KERNELS_GELU_INL_H_
#else
#define VECNEST_EMBEDDER_KERNELS_GELU_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecnest::embedder::kernels {
namespace HWY_NAMESPACE {

// erf as an odd rational function, fitted on [-4, 4] where f32 erf reaches 1 (the coefficients
// that Eigen and XLA use).
template <typename V>
HWY_INLINE V Erf(V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::DFromV<V> d;
  x = hn::Min(hn::Max(x, hn::Set(d, -4.0F)), hn::Set(d, 4.0F));
  const V x2 = hn::Mul(x, x);
  V p = hn::Set(d, -2.72614225801306e-10F);
  p = hn::MulAdd(p, x2, hn::Set(d, 2.77068142495902e-08F));
  p = hn::MulAdd(p, x2, hn::Set(d, -2.10102402082508e-06F));
  p = hn::MulAdd(p, x2, hn::Set(d, -5.69250639462346e-05F));
  p = hn::MulAdd(p, x2, hn::Set(d, -7.34990630326855e-04F));
  p = hn::MulAdd(p, x2, hn::Set(d, -2.95459980854025e-03F));
  p = hn::MulAdd(p, x2, hn::Set(d, -1.60960333262415e-02F));
  V q = hn::Set(d, -1.45660718464996e-05F);
  q = hn::MulAdd(q, x2, hn::Set(d, -2.13374055278905e-04F));
  q = hn::MulAdd(q, x2, hn::Set(d, -1.68282697438203e-03F));
  q = hn::MulAdd(q, x2, hn::Set(d, -7.37332916720468e-03F));
  q = hn::MulAdd(q, x2, hn::Set(d, -1.42647390514189e-02F));
  return hn::Div(hn::Mul(x, p), q);
}

// x * (1 + erf(x / sqrt 2)) / 2
template <typename V>
HWY_INLINE V GeluOf(V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::DFromV<V> d;
  const V half_x = hn::Mul(x, hn::Set(d, 0.5F));
  return hn::MulAdd(half_x, Erf(hn::Mul(x, hn::Set(d, 0.70710678118654752F))), half_x);
}

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::embedder::kernels
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
