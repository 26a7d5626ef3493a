#include "tests/bench/machine_peak.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>

namespace vecnest::bench {
namespace {

using embedder::Precision;

constexpr int kSums = 12;  // independent, so that no sum waits for the one before
constexpr int kSteps = 200'000;
constexpr int kRuns = 20;

// Keeps the compiler from leaving out what nobody reads.
template <typename... Vector>
void Use(Vector&... values) {
  (([&] { asm volatile("" : "+v"(values)); }()), ...);
}

// `step` adds to one sum; the sums stay in registers because nothing indexes them at run time.
template <typename Vector, typename Step>
double Measure(double operations_a_step, Vector start, const Step& step) {
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    Vector a = start, b = start, c = start, d = start, e = start, f = start;
    Vector g = start, h = start, i = start, j = start, k = start, l = start;
    const auto begin = std::chrono::steady_clock::now();
    for (int n = 0; n < kSteps; ++n) {
      for (Vector* sum : {&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l}) *sum = step(*sum);
      Use(a, b, c, d, e, f);
      Use(g, h, i, j, k, l);
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    best = std::max(best, operations_a_step * kSums * kSteps / time.count() * 1e-9);
  }
  return best;
}

}  // namespace

double PeakGigaOperations(Precision precision) {
  if (!IsSupported(Precision::kInt8)) return 0;
  const __m512i words = _mm512_set1_epi32(0);
  switch (precision) {
    case Precision::kF32: {
      __m512 factor = _mm512_set1_ps(0.5F);
      Use(factor);
      return Measure(32, _mm512_setzero_ps(),
                     [&](__m512 sum) { return _mm512_fmadd_ps(factor, factor, sum); });
    }
    case Precision::kBf16: {
      __m512i pairs = words;
      Use(pairs);
      return Measure(64, _mm512_setzero_ps(), [&](__m512 sum) {
        return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(pairs),
                                reinterpret_cast<__m512bh>(pairs));
      });
    }
    case Precision::kInt8: {
      __m512i bytes = words;
      Use(bytes);
      return Measure(128, words,
                     [&](__m512i sum) { return _mm512_dpbusd_epi32(sum, bytes, bytes); });
    }
  }
  return 0;
}

}  // namespace vecnest::bench
