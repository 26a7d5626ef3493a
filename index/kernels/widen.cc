#include "index/kernels/widen.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/kernels/widen.cc"
#include "hwy/foreach_target.h"
// Must follow foreach_target.h.
#include "hwy/highway.h"
#include "index/kernels/targets.h"

HWY_BEFORE_NAMESPACE();
namespace vecnest::index::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// No register is wider than the 16 numbers that counts are multiples of.
using Floats = hn::CappedTag<float, 16>;

void WidenF16(const uint16_t* HWY_RESTRICT narrow, size_t count, float* HWY_RESTRICT values) {
  const Floats floats;
  const hn::Rebind<hwy::float16_t, Floats> halves;
  const hn::Rebind<uint16_t, Floats> bits;
  for (size_t i = 0; i < count; i += hn::Lanes(floats)) {
    const auto loaded = hn::BitCast(halves, hn::LoadU(bits, narrow + i));
    hn::StoreU(hn::PromoteTo(floats, loaded), floats, values + i);
  }
}

void WidenBf16(const uint16_t* HWY_RESTRICT narrow, size_t count, float* HWY_RESTRICT values) {
  const Floats floats;
  const hn::Rebind<uint16_t, Floats> bits;
  const hn::Rebind<uint32_t, Floats> wide;
  for (size_t i = 0; i < count; i += hn::Lanes(floats)) {
    const auto loaded = hn::PromoteTo(wide, hn::LoadU(bits, narrow + i));
    hn::StoreU(hn::BitCast(floats, hn::ShiftLeft<16>(loaded)), floats, values + i);
  }
}

WidenKernels MakeWidening() { return {hwy::TargetName(HWY_TARGET), &WidenF16, &WidenBf16}; }

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::index::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vecnest::index::kernels {
namespace {

HWY_EXPORT(MakeWidening);

}  // namespace

const WidenKernels& Widening() {
  static const WidenKernels kernels =
      MakeFor(HWY_DISPATCH_TABLE(MakeWidening), TargetsAtMost(LevelOfEnvironment()));
  return kernels;
}

std::vector<WidenKernels> AllWidening() { return MakeForAll(HWY_DISPATCH_TABLE(MakeWidening)); }

}  // namespace vecnest::index::kernels
#endif  // HWY_ONCE
