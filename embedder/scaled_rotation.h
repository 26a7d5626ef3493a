// A rotation and scales while they are trained.
#ifndef VECNEST_EMBEDDER_SCALED_ROTATION_H_
#define VECNEST_EMBEDDER_SCALED_ROTATION_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "embedder/matrix_product.h"

namespace vecnest::embedder {

// The map diag(scales) * rotation, moved by Adam (Kingma & Ba 2015) along gradients of a loss by
// its elements. After every step the rotation is made orthogonal again; scales are moved by their
// logarithms, so that they stay positive.
class ScaledRotation {
 public:
  // How far a step moves: `rotation` is relative to 1 / sqrt(dimensions), which an element of a
  // rotation measures, `scales` is of a logarithm.
  struct Rates {
    double rotation = 0;
    double scales = 0;
  };

  // `workers` outlives this.
  ScaledRotation(std::vector<float> rotation, std::vector<float> scales, const Workers* workers);

  size_t dimensions() const { return scales_.size(); }
  // Row-major [dimensions, dimensions].
  const std::vector<float>& map() const { return map_; }
  const std::vector<float>& rotation() const { return rotation_; }
  const std::vector<float>& scales() const { return scales_; }

  // One step downhill. `gradient` is the loss's by map().
  absl::Status Step(const std::vector<float>& gradient, const Rates& rates);

  // Makes the rotation orthogonal as far as f32 can hold it. The last call.
  void Finish();

 private:
  // The averages that Adam keeps of a group of parameters.
  struct Moments {
    explicit Moments(size_t count) : mean(count), square(count) {}
    std::vector<float> mean;
    std::vector<float> square;
  };

  // Turns a gradient into Adam's step of about `rate` per parameter, to be subtracted.
  void ToStep(Moments* moments, double rate, std::vector<float>* gradient) const;
  absl::Status Orthogonalize();
  void UpdateMap();

  std::vector<float> rotation_;
  std::vector<float> scales_;
  const Workers* workers_;
  std::vector<float> map_;
  std::vector<float> products_;  // of Orthogonalize, as is corrected_
  std::vector<float> corrected_;
  Moments rotation_moments_;
  Moments scale_moments_;
  int steps_ = 0;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_SCALED_ROTATION_H_
