// Adaptors of vectors that are in no collection: given ones, and those of evaluations.
#ifndef VECNEST_ENGINE_VECTOR_ADAPTOR_H_
#define VECNEST_ENGINE_VECTOR_ADAPTOR_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/adaptor.h"
#include "vecnest/adapt.h"

namespace vecnest::engine {

AdaptorInfo Describe(const embedder::Adaptor& adaptor);

// Of bytes that somebody gave: InvalidArgument also where they are damaged.
absl::StatusOr<std::shared_ptr<const embedder::Adaptor>> DecodeAdaptor(std::string_view bytes);

// InvalidArgument where the adaptor is of vectors of another width; else as CheckAdaptorModel.
absl::Status CheckAdaptor(const Adaptor& adaptor, int width, std::string_view model,
                          std::string_view model_identity);
// FailedPrecondition where the adaptor is known to be of another model than this one; an empty
// identity is that of no known model.
absl::Status CheckAdaptorModel(const AdaptorInfo& adaptor, std::string_view model,
                               std::string_view model_identity);

// Zeros stay.
void ScaleToUnit(absl::Span<float> vector);

// The public form of an adaptor.
class VectorAdaptor final : public Adaptor {
 public:
  explicit VectorAdaptor(std::shared_ptr<const embedder::Adaptor> map)
      : map_(std::move(map)), info_(Describe(*map_)) {}

  const AdaptorInfo& info() const override { return info_; }
  int dimensions() const override { return static_cast<int>(map_->dimensions()); }
  std::string Encode() const override { return map_->Encode(); }
  absl::StatusOr<std::vector<float>> Apply(absl::Span<const float> vectors,
                                           int width) const override;

 private:
  const std::shared_ptr<const embedder::Adaptor> map_;
  const AdaptorInfo info_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_VECTOR_ADAPTOR_H_
