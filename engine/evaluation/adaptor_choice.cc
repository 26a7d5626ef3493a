#include "engine/evaluation/adaptor_choice.h"

#include <algorithm>

#include "embedder/adaptor_training.h"
#include "embedder/status_macros.h"
#include "engine/draw_sorted.h"
#include "engine/vector_adaptor.h"
#include "fmt/format.h"

namespace vecnest::engine::evaluation {
namespace {

// What a collection would learn from, but for the order of its points.
VectorMatrix Sample(const VectorMatrix& texts, uint64_t seed) {
  VectorMatrix sample = {texts.width, {}};
  for (const size_t row : DrawSorted(texts.count(), AdaptRequest().samples, seed)) {
    sample.values.insert(sample.values.end(), texts.Row(row).begin(), texts.Row(row).end());
  }
  return sample;
}

}  // namespace

absl::StatusOr<AdaptorChoice> AdaptorChoice::Read(const std::string& name) {
  for (const AdaptMethod method :
       {AdaptMethod::kNone, AdaptMethod::kRotation, AdaptMethod::kPrefixes}) {
    if (name == AdaptMethodName(method)) return AdaptorChoice(name, method, nullptr);
  }
  auto adaptor = Adaptor::Load(name);
  if (absl::IsNotFound(adaptor.status())) {
    return absl::NotFoundError(fmt::format(
        "adaptors: '{}' is neither none, rotation or prefixes nor a file that can be read", name));
  }
  if (!adaptor.ok()) return adaptor.status();
  return AdaptorChoice(name, AdaptMethod::kGiven, *std::move(adaptor));
}

absl::Status AdaptorChoice::Check(const ModelInfo& model, size_t texts,
                                  const std::vector<Metric>& metrics) const {
  if (IsNone()) return absl::OkStatus();
  for (const Metric metric : metrics) {
    if (metric == Metric::kManhattan) {
      return absl::InvalidArgumentError(
          "adaptors rotate vectors, which does not keep Manhattan distances; leave out the metric "
          "or the adaptors");
    }
    if (metric == Metric::kCosine || model.normalized || IsRotation()) {
      continue;
    }
    return absl::InvalidArgumentError(fmt::format(
        "adaptors: lengths of the vectors of {} matter to the metric {}, so only 'rotation' is of "
        "use",
        model.name, MetricName(metric)));
  }
  if (IsLearned()) {
    if (model.dimensions > AdaptRequest::kMostDimensions) {
      return absl::InvalidArgumentError(
          fmt::format("adaptors: vectors of {} dimensions, '{}' is learned from at most {}",
                      model.dimensions, name_, AdaptRequest::kMostDimensions));
    }
    if (texts >= AdaptRequest::kFewestSamples) return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("adaptors: '{}' is learned from at least {} texts, and a task has {}", name_,
                    AdaptRequest::kFewestSamples, texts));
  }
  const absl::Status fits = CheckAdaptor(*given_, model.dimensions, model.name, model.identity);
  if (fits.ok()) return fits;
  return {fits.code(), fmt::format("{}: {}", name_, std::string(fits.message()))};
}

absl::StatusOr<std::shared_ptr<const Adaptor>> AdaptorChoice::Make(
    const VectorMatrix& texts, const ModelInfo& model, const EvaluationRequest& request,
    absl::FunctionRef<absl::Status(double share)> progress) const {
  if (given_ != nullptr) return given_;
  embedder::AdaptorTraining training;
  training.method = method_ == AdaptMethod::kRotation
                        ? embedder::AdaptorTraining::Method::kRotation
                        : embedder::AdaptorTraining::Method::kPrefixes;
  // As for a collection, where one of the metrics looks at lengths.
  training.normalize =
      model.normalized || std::all_of(request.metrics.begin(), request.metrics.end(),
                                      [](Metric metric) { return metric == Metric::kCosine; });
  training.seed = request.seed;
  training.threads = static_cast<size_t>(std::max(request.threads, 0));
  if (embedder::Adaptor::IsModelName(model.name)) training.model = model.name;
  training.model_identity = model.identity;
  const VectorMatrix sample = Sample(texts, request.seed);
  VECNEST_ASSIGN_OR_RETURN(auto learned,
                           embedder::TrainAdaptor(sample.values, sample.width, training, progress));
  return std::make_shared<VectorAdaptor>(std::move(learned));
}

absl::StatusOr<VectorMatrix> AdaptAndCut(const Adaptor& adaptor, const VectorMatrix& vectors,
                                         size_t width, bool normalize) {
  VectorMatrix cut = {width, {}};
  VECNEST_ASSIGN_OR_RETURN(cut.values, adaptor.Apply(vectors.values, static_cast<int>(width)));
  if (!normalize || width == vectors.width) return cut;
  for (size_t i = 0; i < cut.count(); ++i) ScaleToUnit(cut.Row(i));
  return cut;
}

}  // namespace vecnest::engine::evaluation
