// Self-attention of one sequence with products in bfloat16, for CPUs with AVX-512 BF16.
#ifndef VECNEST_EMBEDDER_KERNELS_ATTENTION_BF16_H_
#define VECNEST_EMBEDDER_KERNELS_ATTENTION_BF16_H_

#include "embedder/kernels/attention.h"

namespace vecnest::embedder::kernels {

// As Attention, with queries, keys, values and attention weights rounded to bfloat16. Sums and
// exponentials stay in f32. Only where IsSupported(Precision::kBf16), see precision.h.
void AttentionBf16(const float* qkv, const AttentionShape& shape, float* scratch, float* out);

// Floats of scratch memory that it needs; never tokens^2.
size_t AttentionBf16Scratch(const AttentionShape& shape);

}  // namespace vecnest::embedder::kernels

#endif  // VECNEST_EMBEDDER_KERNELS_ATTENTION_BF16_H_
