// What one core of the running machine can multiply and add, measured with loops that stay in
// registers: the mark that products of matrices are measured against.
#ifndef VECNEST_TESTS_BENCH_MACHINE_PEAK_H_
#define VECNEST_TESTS_BENCH_MACHINE_PEAK_H_

#include "embedder/precision.h"

namespace vecnest::bench {

// 10^9 operations (a multiplication or an addition each) a second, the best of several short runs;
// 0 where this program knows no instructions for it or the CPU lacks them (all need AVX-512).
double PeakGigaOperations(embedder::Precision precision);

}  // namespace vecnest::bench

#endif  // VECNEST_TESTS_BENCH_MACHINE_PEAK_H_
