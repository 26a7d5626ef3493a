// Attention written from its definition, in double.
#ifndef VECNEST_TESTS_EMBEDDER_PLAIN_ATTENTION_H_
#define VECNEST_TESTS_EMBEDDER_PLAIN_ATTENTION_H_

#include <algorithm>
#include <cmath>
#include <vector>

#include "embedder/kernels/attention.h"

namespace vecnest::embedder::kernels {

inline std::vector<double> PlainAttention(const std::vector<float>& qkv,
                                          const AttentionShape& shape) {
  const size_t width = shape.heads * shape.head_width;
  std::vector<double> out(shape.tokens * width);
  for (size_t h = 0; h < shape.heads; ++h) {
    for (size_t t = 0; t < shape.tokens; ++t) {
      const auto at = [&](size_t token, size_t part, size_t i) {
        return static_cast<double>(
            qkv[token * 3 * width + part * width + h * shape.head_width + i]);
      };
      std::vector<double> weights(shape.tokens);
      double largest = -1e300, sum = 0;
      for (size_t u = 0; u < shape.tokens; ++u) {
        for (size_t i = 0; i < shape.head_width; ++i) weights[u] += at(t, 0, i) * at(u, 1, i);
        weights[u] /= std::sqrt(static_cast<double>(shape.head_width));
        largest = std::max(largest, weights[u]);
      }
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      for (size_t i = 0; i < shape.head_width; ++i) {
        for (size_t u = 0; u < shape.tokens; ++u) {
          out[t * width + h * shape.head_width + i] += weights[u] / sum * at(u, 2, i);
        }
      }
    }
  }
  return out;
}

}  // namespace vecnest::embedder::kernels

#endif  // VECNEST_TESTS_EMBEDDER_PLAIN_ATTENTION_H_
