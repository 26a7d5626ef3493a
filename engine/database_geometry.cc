// Database::MeasureGeometry: draws vectors, measures them, and reads some of their texts again.

#include <algorithm>
#include <atomic>
#include <stop_token>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "embedder/inspection/vectors.h"
#include "embedder/status_macros.h"
#include "engine/database_impl.h"
#include "engine/geometry/sample_geometry.h"
#include "engine/geometry/verdicts.h"
#include "engine/payload.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

// Texts that are read again to see whether the model's prefix was used.
constexpr size_t kTexts = 16;
// Of points that are looked at for these.
constexpr size_t kPoints = 200;
// A model's own vectors of other precisions are nearer than that.
constexpr double kSameVector = 0.995;

absl::Status CheckRequest(const GeometryRequest& request, size_t width) {
  if (request.samples < GeometryRequest::kFewestSamples ||
      request.samples > GeometryRequest::kMostSamples) {
    return absl::InvalidArgumentError(fmt::format("samples: {}, expected {} to {}", request.samples,
                                                  GeometryRequest::kFewestSamples,
                                                  GeometryRequest::kMostSamples));
  }
  if (width > kMostGeometryDimensions) {
    return absl::FailedPreconditionError(
        fmt::format("the geometry of {} dimensions can't be measured, of at most {} it can", width,
                    kMostGeometryDimensions));
  }
  if (request.samples * width > kMostGeometryNumbers) {
    return absl::InvalidArgumentError(
        fmt::format("samples: {}, expected at most {} of {} dimensions", request.samples,
                    kMostGeometryNumbers / width, width));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GeometryReport> DatabaseImpl::MeasureGeometry(const std::string& collection,
                                                             const GeometryRequest& request,
                                                             const CallLimits& limits) const {
  VECNEST_ASSIGN_OR_RETURN(const std::shared_ptr<Shard> shard, FindShard(collection));
  const auto definition = shard->definition();
  VECNEST_ASSIGN_OR_RETURN(const Slot slot, definition->RequireSlot(request.vector_name));
  const SlotDefinition& defined = definition->slots[slot];
  const auto width = static_cast<size_t>(defined.config.size);
  VECNEST_RETURN_IF_ERROR(CheckRequest(request, width));
  // Each takes hundreds of megabytes and all processors.
  if (!geometry_mutex_.TryLock()) {
    return absl::ResourceExhaustedError("a geometry is being measured for another request");
  }
  const absl::Cleanup unlock = [this]()
                                   ABSL_NO_THREAD_SAFETY_ANALYSIS { geometry_mutex_.Unlock(); };
  const VectorInfo info = shard->Describe().vectors.at(request.vector_name);
  std::atomic<bool> stop = false;
  const std::stop_callback ask_to_stop(limits.stop, [&] { stop = true; });
  auto drawn = shard->SampleVectors(slot, request.samples, request.seed, stop);
  VECNEST_RETURN_IF_ERROR(limits.Check());
  if (!drawn.ok()) return drawn.status();
  const evaluation::VectorMatrix sample = {width, *std::move(drawn)};
  if (sample.count() < GeometryRequest::kFewestSamples) {
    return absl::FailedPreconditionError(
        fmt::format("the collection has {} vectors, a geometry takes at least {}", sample.count(),
                    GeometryRequest::kFewestSamples));
  }
  const std::shared_ptr<const embedder::Adaptor> adaptor = shard->AdaptorOf(slot);
  SampleSettings settings;
  settings.metric = defined.config.metric;
  settings.renormalize = defined.config.metric == Metric::kCosine || info.unit_norm;
  settings.adaptor = adaptor.get();
  settings.seed = request.seed;
  settings.progress = request.progress;
  GeometryReport report;
  report.vectors = info.vectors;
  VECNEST_RETURN_IF_ERROR(MeasureSample(sample, settings, limits, &report));

  GeometryContext context;
  context.metric = defined.config.metric;
  context.unit_norm = info.unit_norm;
  context.adapted = adaptor != nullptr;
  if (const embedder::Encoder* encoder = models_->FindIdentity(defined.model_identity)) {
    VECNEST_ASSIGN_OR_RETURN(context.model, models_->Model(encoder->info().name));
  }
  VECNEST_ASSIGN_OR_RETURN(report.prompt, MeasurePrompt(*shard, slot, request, limits));
  report.verdicts = JudgeGeometry(report, context);
  return report;
}

absl::StatusOr<std::optional<GeometryReport::Prompt>> DatabaseImpl::MeasurePrompt(
    const Shard& shard, Slot slot, const GeometryRequest& request, const CallLimits& limits) const {
  const auto definition = shard.definition();
  const SlotDefinition& defined = definition->slots[slot];
  // The model it is bound to, or, where vectors came from outside, the one they would be bound to.
  const embedder::Encoder* encoder = models_->FindIdentity(defined.model_identity);
  if (encoder == nullptr && defined.model_identity.empty()) {
    const auto usual = models_->Resolve("");
    if (usual.ok()) encoder = *usual;
  }
  if (encoder == nullptr || encoder->info().document_prefix.empty() ||
      encoder->info().dimensions != defined.config.size) {
    return std::nullopt;
  }
  VECNEST_ASSIGN_OR_RETURN(const PayloadPath path, PayloadPath::Parse(request.field));
  ScrollRequest scroll;
  scroll.limit = kPoints;
  scroll.with_vectors = {VectorSelector::Kind::kNames, {request.vector_name}};
  VECNEST_ASSIGN_OR_RETURN(const ScrollPage page, Scroll(definition->name, scroll, limits));
  std::vector<std::string> texts;
  std::vector<std::vector<float>> stored;
  for (const Record& record : page.records) {
    const auto vector = record.vectors->find(request.vector_name);
    if (texts.size() == kTexts || vector == record.vectors->end()) continue;
    VECNEST_ASSIGN_OR_RETURN(const Json payload,
                             ParseJsonObject(record.payload.value_or("{}"), "payload"));
    auto text = FirstText(path, payload);
    if (!text || text->empty()) continue;
    texts.push_back(*std::move(text));
    stored.push_back(vector->second);
  }
  if (texts.empty()) return std::nullopt;
  EmbedOptions options;
  options.model = encoder->info().name;
  options.truncate = true;
  options.limits = limits;
  VECNEST_ASSIGN_OR_RETURN(const std::vector<Embedding> with, models_->Embed(texts, options));
  options.prefix = "";
  VECNEST_ASSIGN_OR_RETURN(const std::vector<Embedding> without, models_->Embed(texts, options));
  GeometryReport::Prompt prompt;
  prompt.model = encoder->info().name;
  prompt.prefix = encoder->info().document_prefix;
  prompt.texts = texts.size();
  for (size_t i = 0; i < texts.size(); ++i) {
    const double cosine_with =
        embedder::Cosine(stored[i].data(), with[i].vector.data(), stored[i].size());
    const double cosine_without =
        embedder::Cosine(stored[i].data(), without[i].vector.data(), stored[i].size());
    if (std::max(cosine_with, cosine_without) < kSameVector) {
      ++prompt.otherwise;
    } else {
      ++(cosine_with >= cosine_without ? prompt.with : prompt.without);
    }
  }
  return prompt;
}

}  // namespace vecnest::engine
