// From the hidden states of a text's tokens to its vector.
#ifndef VECNEST_EMBEDDER_POOLING_H_
#define VECNEST_EMBEDDER_POOLING_H_

#include <cstddef>
#include <string_view>
#include <vector>

namespace vecnest::embedder {

enum class Pooling {
  kMean,  // mean over all tokens, special ones included
  kCls,   // the first token
  kMax,   // per component, the largest over all tokens
};

// "mean", "cls" or "max".
std::string_view PoolingName(Pooling pooling);

// `rows` is a row-major [tokens, width] matrix; without tokens the result is zero. Returns the
// first `dimensions`
// (<= width) components, scaled to unit length when `normalize`; a zero vector stays zero.
std::vector<float> PoolTokens(Pooling pooling, const float* rows, size_t tokens, size_t width,
                              size_t dimensions, bool normalize);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_POOLING_H_
