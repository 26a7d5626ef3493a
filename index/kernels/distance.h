// Distance kernels over f32 vectors, compiled for several instruction sets and chosen at run time.
//
// The program itself is built for x86-64-v2; the kernels exist for SSSE3/SSE4, AVX2 and AVX-512
// and the widest one that the CPU has is taken. The environment variable VECNEST_SIMD
// (sse4 | avx2 | avx512) caps the choice; a level that the CPU lacks is never used.
#ifndef VECNEST_INDEX_KERNELS_DISTANCE_H_
#define VECNEST_INDEX_KERNELS_DISTANCE_H_

#include <cstddef>
#include <string_view>
#include <vector>

namespace vecnest::index::kernels {

struct DotAndNorm {
  float dot = 0;           // sum a_i b_i
  float norm_squared = 0;  // sum b_i^2
};

// One instruction set's kernels.
//
// Inputs: `n` floats each, of any alignment; n may be 0 (the sum is 0). Nothing outside the n
// floats is read. Any number of threads may call them.
//
// Numeric contract: f32 terms summed in f32 into 4 * lanes partial sums (2 * lanes in
// dot_and_norm), which are then added pairwise, and the n % lanes last terms one by one. So with T
// = the sum of the absolute values of the terms, a result differs from the exact sum of the rounded
// terms by at most (n / (partial sums) + 2 * lanes + 8) * 2^-23 * T. The same level and the same
// values give the same bits whatever the alignment; levels differ in rounding. A sum beyond the
// range of f32 becomes infinite, infinities of both signs NaN.
struct DistanceKernels {
  const char* name = "";
  size_t lanes = 0;  // floats per register

  float (*dot)(const float* a, const float* b, size_t n) = nullptr;
  // sum (a_i - scale * b_i)^2
  float (*squared_l2)(const float* a, const float* b, float scale, size_t n) = nullptr;
  // sum |a_i - scale * b_i|
  float (*l1)(const float* a, const float* b, float scale, size_t n) = nullptr;
  DotAndNorm (*dot_and_norm)(const float* a, const float* b, size_t n) = nullptr;
};

// The kernels to use; chosen at the first call, then fixed.
const DistanceKernels& Distances();

// Those of the widest level at or below `level` ("sse4", "avx2", "avx512"; any other text: no cap)
// that this CPU has.
DistanceKernels DistancesAtMost(std::string_view level);

// Every level that this CPU can run, widest first; for tests and benchmarks.
std::vector<DistanceKernels> AllDistances();

}  // namespace vecnest::index::kernels

#endif  // VECNEST_INDEX_KERNELS_DISTANCE_H_
