// Vectors and matrices for the tests of adaptors.
#ifndef VECNEST_TESTS_EMBEDDER_ADAPTOR_VECTORS_H_
#define VECNEST_TESTS_EMBEDDER_ADAPTOR_VECTORS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace vecnest::embedder {

inline std::vector<float> NormalValues(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

inline double Dot(const float* a, const float* b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// A random orthogonal matrix: rows by Gram-Schmidt, in double.
inline std::vector<float> RandomRotation(size_t dimensions, unsigned seed) {
  const std::vector<float> start = NormalValues(dimensions * dimensions, seed);
  std::vector<double> rows(start.begin(), start.end());
  for (size_t r = 0; r < dimensions; ++r) {
    double* row = &rows[r * dimensions];
    // The second pass takes away what the first one's rounding has left.
    for (size_t other = 0; other < 2 * r; ++other) {
      const double* before = &rows[other % r * dimensions];
      double product = 0;
      for (size_t i = 0; i < dimensions; ++i) product += row[i] * before[i];
      for (size_t i = 0; i < dimensions; ++i) row[i] -= product * before[i];
    }
    double squares = 0;
    for (size_t i = 0; i < dimensions; ++i) squares += row[i] * row[i];
    for (size_t i = 0; i < dimensions; ++i) row[i] /= std::sqrt(squares);
  }
  return {rows.begin(), rows.end()};
}

// The largest difference between a matrix times its transpose and the identity.
inline double OrthogonalityError(const std::vector<float>& rotation, size_t dimensions) {
  double largest = 0;
  for (size_t a = 0; a < dimensions; ++a) {
    for (size_t b = 0; b <= a; ++b) {
      const double product = Dot(&rotation[a * dimensions], &rotation[b * dimensions], dimensions);
      largest = std::max(largest, std::abs(product - (a == b ? 1 : 0)));
    }
  }
  return largest;
}

}  // namespace vecnest::embedder

#endif  // VECNEST_TESTS_EMBEDDER_ADAPTOR_VECTORS_H_
