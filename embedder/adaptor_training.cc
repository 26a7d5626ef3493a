#include "embedder/adaptor_training.h"

#include <fmt/format.h>

#include <utility>

#include "embedder/matrix_product.h"
#include "embedder/principal_axes.h"
#include "embedder/status_macros.h"
#include "embedder/training_rows.h"

namespace vecnest::embedder {
namespace {

absl::Status CheckDimensions(size_t dimensions) {
  if (dimensions >= 1 && dimensions <= Adaptor::kMostDimensions) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("an adaptor takes 1 to {} dimensions, as its matrix grows with their square; "
                  "these vectors have {}",
                  Adaptor::kMostDimensions, dimensions));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Adaptor>> TrainAdaptor(absl::Span<const float> vectors,
                                                            size_t dimensions,
                                                            const AdaptorTraining& training,
                                                            AdaptorProgress progress) {
  VECNEST_RETURN_IF_ERROR(CheckDimensions(dimensions));
  VECNEST_ASSIGN_OR_RETURN(const TrainingRows rows,
                           TrainingRows::Create(vectors, dimensions, "vectors"));
  if (rows.size() < AdaptorTraining::kFewestRows) {
    return absl::InvalidArgumentError(
        fmt::format("{} vectors other than zero are too few to fit an adaptor to: it takes {}",
                    rows.size(), AdaptorTraining::kFewestRows));
  }
  VECNEST_RETURN_IF_ERROR(progress(0));
  const Workers workers(training.threads);
  VECNEST_ASSIGN_OR_RETURN(PrincipalAxes axes,
                           FindPrincipalAxes(rows, training.normalize, workers));
  VECNEST_RETURN_IF_ERROR(progress(1));
  return Adaptor::Create({dimensions, std::move(axes.rotation),
                          std::vector<float>(dimensions, 1.0F), "rotation", rows.size()});
}

}  // namespace vecnest::embedder
