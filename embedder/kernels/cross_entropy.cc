#include "embedder/kernels/cross_entropy.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "embedder/kernels/cross_entropy.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// foreach_target.h comes first.
#include "embedder/kernels/partial-inl.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecnest::embedder::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Stands for minus infinity, whose products with zero are no numbers.
constexpr float kLeast = -1e30F;

// Of a part, the lanes beyond `n` become `value`.
HWY_INLINE V Fill(V v, size_t n, float value) {
  const D d;
  return n < hn::Lanes(d) ? hn::IfThenElse(hn::FirstN(d, n), v, hn::Set(d, value)) : v;
}

float CrossEntropy(const float* targets, size_t count, float sharpness, float factor,
                   float* scores) {
  const D d;
  V most = hn::Set(d, kLeast);
  V expected = hn::Zero(d);  // sum of targets * scores, sharpened
  ForEachVector(count, [&](size_t i, size_t n) HWY_ATTR {
    const V score =
        hn::Max(hn::Mul(LoadPart(scores + i, n), hn::Set(d, sharpness)), hn::Set(d, kLeast));
    StorePart(score, n, scores + i);
    most = hn::Max(most, Fill(score, n, kLeast));
    if (targets != nullptr) expected = hn::MulAdd(LoadPart(targets + i, n), score, expected);
  });
  const V largest = hn::Set(d, hn::GetLane(hn::MaxOfLanes(d, most)));
  V sum = hn::Zero(d);
  ForEachVector(count, [&](size_t i, size_t n) HWY_ATTR {
    const V e = hn::Exp(d, hn::Sub(LoadPart(scores + i, n), largest));
    StorePart(e, n, scores + i);
    sum = hn::Add(sum, Fill(e, n, 0));
  });
  const float total = hn::GetLane(hn::SumOfLanes(d, sum));
  const V share = hn::Set(d, factor / total);
  ForEachVector(count, [&](size_t i, size_t n) HWY_ATTR {
    V result = hn::Mul(LoadPart(scores + i, n), share);
    if (targets != nullptr) {
      result = hn::NegMulAdd(LoadPart(targets + i, n), hn::Set(d, factor), result);
    }
    StorePart(result, n, scores + i);
  });
  if (targets == nullptr) return 0;
  return hn::GetLane(largest) + std::log(total) - hn::GetLane(hn::SumOfLanes(d, expected));
}

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::embedder::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vecnest::embedder::kernels {

HWY_EXPORT(CrossEntropy);

float CrossEntropy(const float* targets, size_t count, float sharpness, float factor,
                   float* scores) {
  return HWY_DYNAMIC_DISPATCH(CrossEntropy)(targets, count, sharpness, factor, scores);
}

}  // namespace vecnest::embedder::kernels
#endif  // HWY_ONCE
