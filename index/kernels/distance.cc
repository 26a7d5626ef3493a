#include "index/kernels/distance.h"

#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/kernels/distance.cc"
#include "hwy/foreach_target.h"
// Must follow foreach_target.h.
#include "hwy/highway.h"
#include "index/kernels/targets.h"

HWY_BEFORE_NAMESPACE();
namespace vecnest::index::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct DotStep {
  template <class V>
  static HWY_INLINE V Add(V sum, V a, V b, V /*scale*/) {
    return hn::MulAdd(a, b, sum);
  }
};

struct SquaredL2Step {
  template <class V>
  static HWY_INLINE V Add(V sum, V a, V b, V scale) {
    const V difference = hn::NegMulAdd(scale, b, a);
    return hn::MulAdd(difference, difference, sum);
  }
};

struct L1Step {
  template <class V>
  static HWY_INLINE V Add(V sum, V a, V b, V scale) {
    return hn::Add(sum, hn::Abs(hn::NegMulAdd(scale, b, a)));
  }
};

// Four partial sums hide the latency of the additions.
template <class Step>
HWY_INLINE float Reduce(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, float scale,
                        size_t n) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  const auto s = hn::Set(d, scale);
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  auto sum2 = hn::Zero(d);
  auto sum3 = hn::Zero(d);
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    sum0 = Step::Add(sum0, hn::LoadU(d, a + i), hn::LoadU(d, b + i), s);
    sum1 = Step::Add(sum1, hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes), s);
    sum2 = Step::Add(sum2, hn::LoadU(d, a + i + 2 * lanes), hn::LoadU(d, b + i + 2 * lanes), s);
    sum3 = Step::Add(sum3, hn::LoadU(d, a + i + 3 * lanes), hn::LoadU(d, b + i + 3 * lanes), s);
  }
  for (; i + lanes <= n; i += lanes) {
    sum0 = Step::Add(sum0, hn::LoadU(d, a + i), hn::LoadU(d, b + i), s);
  }
  const auto sum = hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
  float total = hn::GetLane(hn::SumOfLanes(d, sum));
  const hn::CappedTag<float, 1> one;
  for (; i < n; ++i) {
    total = hn::GetLane(Step::Add(hn::Set(one, total), hn::LoadU(one, a + i), hn::LoadU(one, b + i),
                                  hn::Set(one, scale)));
  }
  return total;
}

float Dot(const float* a, const float* b, size_t n) { return Reduce<DotStep>(a, b, 1.0F, n); }

float SquaredL2(const float* a, const float* b, float scale, size_t n) {
  return Reduce<SquaredL2Step>(a, b, scale, n);
}

float L1(const float* a, const float* b, float scale, size_t n) {
  return Reduce<L1Step>(a, b, scale, n);
}

// Both sums in one pass, because b comes from memory and a from the cache.
DotAndNorm DotWithNorm(const float* a, const float* b, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  auto dot0 = hn::Zero(d);
  auto dot1 = hn::Zero(d);
  auto norm0 = hn::Zero(d);
  auto norm1 = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const auto b0 = hn::LoadU(d, b + i);
    const auto b1 = hn::LoadU(d, b + i + lanes);
    dot0 = hn::MulAdd(hn::LoadU(d, a + i), b0, dot0);
    dot1 = hn::MulAdd(hn::LoadU(d, a + i + lanes), b1, dot1);
    norm0 = hn::MulAdd(b0, b0, norm0);
    norm1 = hn::MulAdd(b1, b1, norm1);
  }
  for (; i + lanes <= n; i += lanes) {
    const auto b0 = hn::LoadU(d, b + i);
    dot0 = hn::MulAdd(hn::LoadU(d, a + i), b0, dot0);
    norm0 = hn::MulAdd(b0, b0, norm0);
  }
  DotAndNorm sums;
  sums.dot = hn::GetLane(hn::SumOfLanes(d, hn::Add(dot0, dot1)));
  sums.norm_squared = hn::GetLane(hn::SumOfLanes(d, hn::Add(norm0, norm1)));
  for (; i < n; ++i) {
    sums.dot += a[i] * b[i];
    sums.norm_squared += b[i] * b[i];
  }
  return sums;
}

DistanceKernels MakeKernels() {
  const hn::ScalableTag<float> d;
  DistanceKernels kernels;
  kernels.name = hwy::TargetName(HWY_TARGET);
  kernels.lanes = hn::Lanes(d);
  kernels.dot = &Dot;
  kernels.squared_l2 = &SquaredL2;
  kernels.l1 = &L1;
  kernels.dot_and_norm = &DotWithNorm;
  return kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::index::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vecnest::index::kernels {
namespace {

HWY_EXPORT(MakeKernels);

}  // namespace

DistanceKernels DistancesAtMost(std::string_view level) {
  return MakeFor(HWY_DISPATCH_TABLE(MakeKernels), TargetsAtMost(level));
}

const DistanceKernels& Distances() {
  static const DistanceKernels kernels = DistancesAtMost(LevelOfEnvironment());
  return kernels;
}

std::vector<DistanceKernels> AllDistances() { return MakeForAll(HWY_DISPATCH_TABLE(MakeKernels)); }

}  // namespace vecnest::index::kernels
#endif  // HWY_ONCE
