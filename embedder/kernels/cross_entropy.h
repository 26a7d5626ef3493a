// The row kernel of training, on the widest vector unit of the running CPU (see elementwise.h).
#ifndef VECNEST_EMBEDDER_KERNELS_CROSS_ENTROPY_H_
#define VECNEST_EMBEDDER_KERNELS_CROSS_ENTROPY_H_

#include <cstddef>

namespace vecnest::embedder::kernels {

// Let p = softmax(scores * sharpness), of `count` >= 1 scores. Returns the cross entropy
// -sum(targets * log p), and leaves factor * (p - targets) in `scores`: its gradient by
// scores * sharpness, times factor. Targets sum to one; without them (null) they count as zeros.
// Sums in f32; scores are finite or minus infinity, not all of them the latter, and where one is,
// its target is zero.
float CrossEntropy(const float* targets, size_t count, float sharpness, float factor,
                   float* scores);

}  // namespace vecnest::embedder::kernels

#endif  // VECNEST_EMBEDDER_KERNELS_CROSS_ENTROPY_H_
