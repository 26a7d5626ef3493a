// Samples without replacement.
#ifndef VECNEST_ENGINE_DRAW_SORTED_H_
#define VECNEST_ENGINE_DRAW_SORTED_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace vecnest::engine {

// `count` ascending numbers below `total`, or all when there are fewer, each equally likely
// (Vitter's selection sampling).
inline std::vector<size_t> DrawSorted(size_t total, size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<size_t> drawn;
  drawn.reserve(std::min(total, count));
  for (size_t i = 0; i < total && drawn.size() < count; ++i) {
    if (random() % (total - i) < count - drawn.size()) drawn.push_back(i);
  }
  return drawn;
}

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_DRAW_SORTED_H_
