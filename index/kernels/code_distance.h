// Products of codes of 8, 4 or 1 bits, compiled for several instruction sets and chosen at run time
// as in distance.h. Exact integer arithmetic: every level gives the same numbers.
//
// A code c stands for the number v = scale * c + offset:
//   8 bits   c is 1 .. 255 and v = c - 128; a byte per dimension
//   4 bits   c is 0 .. 15 and v = 2c - 15; 64 bytes hold 128 dimensions, the first 64 in the low
//            halves and the others in the high halves
//   1 bit    c is 0 or 1 and v = 2c - 1; the code of dimension i is bit i % 8 of byte i / 8
// A query is signed bytes. Unsigned times signed is what the processors' dot product instruction
// (AVX-512 VNNI's vpdpbusd) takes.
#ifndef VECNEST_INDEX_KERNELS_CODE_DISTANCE_H_
#define VECNEST_INDEX_KERNELS_CODE_DISTANCE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace vecnest::index::kernels {

// Codes and queries start at multiples of this.
inline constexpr size_t kCodeAlignment = 64;

struct CodeProducts {
  int32_t query = 0;         // sum c_i * query_i
  int32_t center = 0;        // sum c_i * center_i
  int32_t norm_squared = 0;  // sum v_i * v_i
};

// One instruction set's kernels for one kind of code. `n` counts dimensions, at most 65,536: no sum
// overflows then. Any number of threads may call them.
struct CodeKernels {
  const char* name = "";
  int bits = 8;
  int32_t scale = 1;
  int32_t offset = 0;
  size_t block = 64;  // dimensions that are taken at a time

  // sum c_i * query_i; n is a multiple of `block`.
  int32_t (*dot)(const uint8_t* codes, const int8_t* query, size_t n) = nullptr;
  // The same for `count` codes, of which the i-th starts at codes + rows[i] * stride.
  void (*dot_rows)(const uint8_t* codes, size_t stride, const uint32_t* rows, size_t count,
                   const int8_t* query, size_t n, int32_t* dots) = nullptr;
  // sum v_i * w_i, of the numbers that two codes stand for; n is a multiple of `block`.
  int32_t (*dot_codes)(const uint8_t* a, const uint8_t* b, size_t n) = nullptr;
  // Of the first n dimensions, n arbitrary. `query` and `center` are zero from there to the next
  // multiple of `block`.
  CodeProducts (*products)(const uint8_t* codes, const int8_t* query, const int8_t* center,
                           size_t n) = nullptr;
};

// The kernels to use for codes of 8, 4 or 1 bits; chosen at the first call, then fixed.
// VECNEST_SIMD caps them (distance.h).
const CodeKernels& CodeDistances(int bits);

// Every level that this CPU can run, widest first; for tests and benchmarks.
std::vector<CodeKernels> AllCodeDistances(int bits);

}  // namespace vecnest::index::kernels

#endif  // VECNEST_INDEX_KERNELS_CODE_DISTANCE_H_
