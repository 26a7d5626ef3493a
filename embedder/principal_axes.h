// The directions in which vectors reach farthest from the origin.
#ifndef VECNEST_EMBEDDER_PRINCIPAL_AXES_H_
#define VECNEST_EMBEDDER_PRINCIPAL_AXES_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "embedder/matrix_product.h"
#include "embedder/training_rows.h"

namespace vecnest::embedder {

struct PrincipalAxes {
  std::vector<float> rotation;   // row-major, one axis a row, the strongest first; orthonormal
  std::vector<double> energies;  // of each axis: the mean square of the vectors' parts along it
};

// Eigenvectors of the mean of x x^T, which is not centred: cosine and dot product are about the
// origin, and the mean is a direction like others. The largest number of an axis is positive. Where
// the vectors span fewer dimensions, the other axes are any that complete them. `normalize`: of the
// rows scaled to unit length. Internal when the eigenvectors cannot be found.
absl::StatusOr<PrincipalAxes> FindPrincipalAxes(const TrainingRows& rows, bool normalize,
                                                const Workers& workers);

// Makes the rows of a nearly orthogonal matrix (to about 1e-3) orthonormal as far as f32 can hold
// them, each changed as little as that takes.
void Orthonormalize(size_t dimensions, std::vector<float>* rotation);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_PRINCIPAL_AXES_H_
