// What the vectors of an evaluation go through before they are cut.
#ifndef VECNEST_ENGINE_EVALUATION_ADAPTOR_CHOICE_H_
#define VECNEST_ENGINE_EVALUATION_ADAPTOR_CHOICE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/evaluation/vector_matrix.h"
#include "vecnest/adapt.h"
#include "vecnest/evaluation.h"

namespace vecnest::engine::evaluation {

class AdaptorChoice {
 public:
  // As EvaluationRequest::adaptors has them. Reads the file, if it is one: NotFound, or what
  // Adaptor::Load returns.
  static absl::StatusOr<AdaptorChoice> Read(const std::string& name);

  const std::string& name() const { return name_; }
  bool IsNone() const { return method_ == AdaptMethod::kNone; }
  bool IsLearned() const { return !IsNone() && given_ == nullptr; }

  // Whether vectors of the model can go through it, be learned from where a task has so many texts,
  // and then be compared by these metrics (none: the task does not compare them).
  absl::Status Check(const ModelInfo& model, size_t texts,
                     const std::vector<Metric>& metrics) const;

  // The given adaptor, or what is learned from these vectors of the model; not of none. `seed` and
  // `threads` as in EvaluationRequest; `progress` is told the share that is done, and ends it with
  // a status that is not OK.
  absl::StatusOr<std::shared_ptr<const Adaptor>> Make(
      const VectorMatrix& texts, const ModelInfo& model, const EvaluationRequest& request,
      absl::FunctionRef<absl::Status(double share)> progress) const;

 private:
  // Scales nothing.
  bool IsRotation() const {
    return method_ == AdaptMethod::kRotation ||
           (given_ != nullptr && given_->info().method == AdaptMethodName(AdaptMethod::kRotation));
  }

  AdaptorChoice(std::string name, AdaptMethod method, std::shared_ptr<const Adaptor> given)
      : name_(std::move(name)), method_(method), given_(std::move(given)) {}

  std::string name_;
  AdaptMethod method_;  // kNone, kRotation, kPrefixes or kGiven
  std::shared_ptr<const Adaptor> given_;
};

// The rows as a collection with this adaptor compares them at a width, scaled to unit length where
// `normalize`, unless it is the full one.
absl::StatusOr<VectorMatrix> AdaptAndCut(const Adaptor& adaptor, const VectorMatrix& vectors,
                                         size_t width, bool normalize);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_ADAPTOR_CHOICE_H_
