// 16-bit numbers to f32, compiled for several instruction sets and chosen at run time as in
// distance.h. Exact: every level gives the same numbers.
#ifndef VECNEST_INDEX_KERNELS_WIDEN_H_
#define VECNEST_INDEX_KERNELS_WIDEN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecnest::index::kernels {

// `count` is a multiple of 16; any alignment.
struct WidenKernels {
  const char* name = "";
  void (*f16)(const uint16_t* narrow, size_t count, float* values) = nullptr;
  void (*bf16)(const uint16_t* narrow, size_t count, float* values) = nullptr;
};

// The kernels to use; chosen at the first call, then fixed.
const WidenKernels& Widening();

// Every level that this CPU can run, widest first; for tests and benchmarks.
std::vector<WidenKernels> AllWidening();

}  // namespace vecnest::index::kernels

#endif  // VECNEST_INDEX_KERNELS_WIDEN_H_
