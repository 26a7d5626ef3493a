// Self-attention of one sequence, on the widest vector unit of the running CPU.
#ifndef VECNEST_EMBEDDER_KERNELS_ATTENTION_H_
#define VECNEST_EMBEDDER_KERNELS_ATTENTION_H_

#include <cstddef>

namespace vecnest::embedder::kernels {

struct AttentionShape {
  size_t tokens;      // of the sequence, >= 1
  size_t heads;       // >= 1
  size_t head_width;  // >= 1
};

// Floats of scratch memory that Attention needs: keys and values of one head, and the scores of
// a few rows; never tokens^2.
size_t AttentionScratch(const AttentionShape& shape);

// out = softmax(Q K^T / sqrt(head_width)) V for each head (Vaswani et al. 2017), every token
// seeing every token.
//
// qkv: row-major [tokens, 3 * heads * head_width], a row holding queries, keys and values of all
// heads. out: row-major [tokens, heads * head_width]. Sums and exponentials in f32.
void Attention(const float* qkv, const AttentionShape& shape, float* scratch, float* out);

}  // namespace vecnest::embedder::kernels

#endif  // VECNEST_EMBEDDER_KERNELS_ATTENTION_H_
