// Numbers for the tests of the kernels.
#ifndef VECNEST_TESTS_EMBEDDER_RANDOM_VALUES_H_
#define VECNEST_TESTS_EMBEDDER_RANDOM_VALUES_H_

#include <cstddef>
#include <random>
#include <vector>

namespace vecnest::embedder::kernels {

inline std::vector<float> Random(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.5F, 2);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

}  // namespace vecnest::embedder::kernels

#endif  // VECNEST_TESTS_EMBEDDER_RANDOM_VALUES_H_
