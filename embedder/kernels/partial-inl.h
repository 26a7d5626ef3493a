// Loops over arrays whose length is no multiple of the vector width. Included once per target by
// the kernels' .cc files, never by a header.
#if defined(VECNEST_EMBEDDER_KERNELS_PARTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VECNEST_EMBEDDER_KERNELS_PARTIAL_INL_H_
#undef VECNEST_EMBEDDER_KERNELS_PARTIAL_INL_H_
#else
#define VECNEST_EMBEDDER_KERNELS_PARTIAL_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecnest::embedder::kernels {
namespace HWY_NAMESPACE {

// The first n lanes from p, the others zero.
HWY_INLINE hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<float>> LoadPart(const float* p,
                                                                                    size_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  if (HWY_LIKELY(n >= hn::Lanes(d))) return hn::LoadU(d, p);
  HWY_ALIGN float lanes[HWY_MAX_BYTES / sizeof(float)] = {};
  for (size_t i = 0; i < n; ++i) lanes[i] = p[i];
  return hn::Load(d, lanes);
}

// Writes the first n lanes, of a type as narrow as p's, to p.
template <class V, typename T>
HWY_INLINE void StorePart(V v, size_t n, T* p) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<T, hn::ScalableTag<float>> d;
  if (HWY_LIKELY(n >= hn::Lanes(d))) {
    hn::StoreU(v, d, p);
    return;
  }
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
  hn::StoreU(v, d, lanes);
  for (size_t i = 0; i < n; ++i) p[i] = lanes[i];
}

// Calls body(i, n) for consecutive vectors; n is the vector width but for a last, shorter part.
template <typename Body>
HWY_INLINE void ForEachVector(size_t count, const Body& body) {
  const size_t width = hwy::HWY_NAMESPACE::Lanes(hwy::HWY_NAMESPACE::ScalableTag<float>());
  size_t i = 0;
  for (; i + width <= count; i += width) body(i, width);
  if (i < count) body(i, count - i);
}

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::embedder::kernels
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
