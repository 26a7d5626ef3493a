// Which of the compiled instruction sets a family of kernels uses.
#ifndef VECNEST_INDEX_KERNELS_TARGETS_H_
#define VECNEST_INDEX_KERNELS_TARGETS_H_

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "hwy/highway.h"

namespace vecnest::index::kernels {

// The sets this CPU has, without those above `level` ("sse4", "avx2", "avx512"; any other text: no
// cap).
inline int64_t TargetsAtMost(std::string_view level) {
  int64_t above = 0;
#if HWY_ARCH_X86
  constexpr int64_t kAvx512 = HWY_AVX3 | HWY_AVX3_DL;
  if (level == "avx2") above = kAvx512;
  if (level == "sse4") above = kAvx512 | HWY_AVX2;
#else
  (void)level;
#endif
  return hwy::SupportedTargets() & ~above;
}

// Calls an entry of a Highway dispatch table. The entry is looked up with a choice of our own:
// Highway's is shared by the whole process, and forcing a level here must not change what other
// modules run.
template <class Table>
auto MakeFor(const Table& table, int64_t targets) {
  hwy::ChosenTarget chosen;
  chosen.Update(targets);
  return (*table[chosen.GetIndex()])();
}

// The same for every level that this CPU can run, widest first.
template <class Table>
auto MakeForAll(const Table& table) {
  std::vector<decltype(MakeFor(table, 0))> all;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    all.push_back(MakeFor(table, target));
  }
  return all;
}

// The cap that the environment sets.
inline std::string_view LevelOfEnvironment() {
  const char* level = std::getenv("VECNEST_SIMD");
  return level == nullptr ? "" : level;
}

}  // namespace vecnest::index::kernels

#endif  // VECNEST_INDEX_KERNELS_TARGETS_H_
