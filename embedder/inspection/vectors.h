// Lengths and angles, in double: reports show differences that sums of floats would blur.
#ifndef VECNEST_EMBEDDER_INSPECTION_VECTORS_H_
#define VECNEST_EMBEDDER_INSPECTION_VECTORS_H_

#include <cmath>
#include <cstddef>

namespace vecnest::embedder {

inline double Dot(const float* a, const float* b, size_t width) {
  double sum = 0;
  for (size_t i = 0; i < width; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

inline double Norm(const float* a, size_t width) { return std::sqrt(Dot(a, a, width)); }

// 0 where one of them is zero.
inline double Cosine(const float* a, const float* b, size_t width) {
  const double lengths = std::sqrt(Dot(a, a, width)) * std::sqrt(Dot(b, b, width));
  return lengths > 0 ? Dot(a, b, width) / lengths : 0;
}

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_INSPECTION_VECTORS_H_
