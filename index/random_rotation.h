// A fixed rotation that mixes all dimensions.
#ifndef VECNEST_INDEX_RANDOM_ROTATION_H_
#define VECNEST_INDEX_RANDOM_ROTATION_H_

#include "absl/types/span.h"

namespace vecnest::index {

// After it the components of vectors hold about as much as each other, on average, also where the
// first held most before. One bit says the same of a component whatever it holds, so that bits of
// vectors on their principal axes, of which the first hold most, say less: of 100,000 MiniLM
// vectors, walks with ef 64 had a recall of .959 on principal axes, .977 on the model's and .981
// after this. Four rounds of random signs, Hadamard transforms and plane rotations by 45 degrees: a
// fast stand-in (Ailon and Chazelle, 2009) for the random rotation that codes of one bit need (Gao
// and Long, RaBitQ, 2024).
//
// Depends on the number of components alone. Segment files hold codes of what it gives: it must not
// change.
void RotateRandomly(absl::Span<float> vector);
void RotateBack(absl::Span<float> vector);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_RANDOM_ROTATION_H_
