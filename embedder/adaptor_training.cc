#include "embedder/adaptor_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <string_view>
#include <utility>

#include "embedder/matrix_product.h"
#include "embedder/prefix_loss.h"
#include "embedder/principal_axes.h"
#include "embedder/scaled_rotation.h"
#include "embedder/status_macros.h"
#include "embedder/training_rows.h"

namespace vecnest::embedder {
namespace {

// What finding the axes takes of the whole time, about.
constexpr double kShareOfAxes = 0.05;
// Scales move so much per step where elements of the rotation, on their scale, move by one.
constexpr double kScaleRate = 0.05;

absl::Status CheckCount(size_t count, std::string_view what) {
  if (count >= AdaptorTraining::kFewestRows) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{} {} other than zero are too few to fit an adaptor to: it takes {}", count,
                  what, AdaptorTraining::kFewestRows));
}

std::vector<float> StartingScales(const std::vector<double>& energies, double exponent) {
  // Axes that hold nothing would get scales without bound.
  constexpr double kLeastShare = 1e-4;
  std::vector<float> scales;
  scales.reserve(energies.size());
  for (const double energy : energies) {
    const double share = std::max(energy / energies[0], kLeastShare);
    scales.push_back(static_cast<float>(std::pow(share, -exponent / 2)));
  }
  return scales;
}

ScaledRotation StartingMap(const AdaptorTraining& training, PrincipalAxes axes,
                           const Workers* workers) {
  std::vector<float> scales = StartingScales(axes.energies, training.scale_exponent);
  return {std::move(axes.rotation), std::move(scales), workers};
}

// Makes the batch of a step.
using NextBatch = absl::FunctionRef<absl::Status(PrefixBatch* batch)>;

absl::Status Descend(const AdaptorTraining& training, const Workers& workers, NextBatch next_batch,
                     AdaptorProgress progress, ScaledRotation* map) {
  const size_t dimensions = map->dimensions();
  PrefixLoss loss(dimensions, training.widths.empty() ? DefaultWidths(dimensions) : training.widths,
                  training.temperature, &workers);
  PrefixBatch batch;
  std::vector<float> gradient;
  for (int step = 0; step < training.steps; ++step) {
    const double share = static_cast<double>(step) / training.steps;
    VECNEST_RETURN_IF_ERROR(progress(kShareOfAxes + (1 - kShareOfAxes) * share));
    VECNEST_RETURN_IF_ERROR(next_batch(&batch));
    VECNEST_RETURN_IF_ERROR(loss.Evaluate(batch, map->map(), &gradient).status());
    const double rate = training.learning_rate * (1 + std::cos(std::numbers::pi * share)) / 2;
    VECNEST_RETURN_IF_ERROR(map->Step(gradient, {rate, rate * kScaleRate}));
  }
  map->Finish();
  return progress(1);
}

absl::Status TrainOnPrefixes(const AdaptorTraining& training, const TrainingRows& rows,
                             const Workers& workers, AdaptorProgress progress,
                             ScaledRotation* map) {
  std::mt19937_64 random(training.seed);
  Deck deck(rows.directed().size());
  const std::vector<size_t>& directed = rows.directed();
  const size_t size = std::min(static_cast<size_t>(training.batch), directed.size());
  const auto next_batch = [&](PrefixBatch* batch) {
    batch->query_count = size;
    batch->queries.resize(size * rows.dimensions());
    for (size_t i = 0; i < size; ++i) {
      rows.CopyUnit(directed[deck.Draw(&random)], batch->queries.data() + i * rows.dimensions());
    }
    return SetFullWidthTargets(rows.dimensions(), training.temperature, workers, batch);
  };
  return Descend(training, workers, next_batch, progress, map);
}

}  // namespace

absl::Status CheckTraining(const AdaptorTraining& training, size_t dimensions) {
  if (dimensions < 1 || dimensions > Adaptor::kMostDimensions) {
    return absl::InvalidArgumentError(
        fmt::format("an adaptor takes 1 to {} dimensions, as its matrix grows with their square; "
                    "these vectors have {}",
                    Adaptor::kMostDimensions, dimensions));
  }
  struct Range {
    const char* name;
    double value, least, most;
  };
  const Range ranges[] = {{"temperature", training.temperature, 0.001, 10},
                          {"learning rate", training.learning_rate, 1e-6, 1},
                          {"scale exponent", training.scale_exponent, 0, 2},
                          {"number of steps", static_cast<double>(training.steps), 1, 100'000},
                          {"batch", static_cast<double>(training.batch), 2, 16'384}};
  for (const auto& [name, value, least, most] : ranges) {
    if (value >= least && value <= most) continue;
    return absl::InvalidArgumentError(fmt::format(
        "an adaptor's training takes a {} of {} to {}, not {}", name, least, most, value));
  }
  for (const size_t width : training.widths) {
    if (width >= 1 && width <= dimensions) continue;
    return absl::InvalidArgumentError(
        fmt::format("vectors of {} dimensions have no prefix of width {}", dimensions, width));
  }
  return absl::OkStatus();
}

std::vector<size_t> DefaultWidths(size_t dimensions) {
  std::vector<size_t> widths;
  for (const size_t width : {32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072}) {
    if (width < dimensions) widths.push_back(width);
  }
  if (widths.empty()) widths.push_back(std::max<size_t>(dimensions / 2, 1));
  return widths;
}

absl::StatusOr<std::shared_ptr<const Adaptor>> TrainAdaptor(absl::Span<const float> vectors,
                                                            size_t dimensions,
                                                            const AdaptorTraining& training,
                                                            AdaptorProgress progress) {
  VECNEST_RETURN_IF_ERROR(CheckTraining(training, dimensions));
  VECNEST_ASSIGN_OR_RETURN(const TrainingRows rows,
                           TrainingRows::Create(vectors, dimensions, "vectors"));
  const size_t samples = rows.directed().size();
  VECNEST_RETURN_IF_ERROR(CheckCount(samples, "vectors"));
  VECNEST_RETURN_IF_ERROR(progress(0));
  const Workers workers(training.threads);
  VECNEST_ASSIGN_OR_RETURN(PrincipalAxes axes,
                           FindPrincipalAxes(rows, training.normalize, workers));
  if (training.method == AdaptorTraining::Method::kRotation) {
    VECNEST_RETURN_IF_ERROR(progress(1));
    return Adaptor::Create({dimensions, std::move(axes.rotation),
                            std::vector<float>(dimensions, 1.0F), "rotation", samples,
                            training.model, training.model_identity});
  }
  ScaledRotation map = StartingMap(training, std::move(axes), &workers);
  VECNEST_RETURN_IF_ERROR(TrainOnPrefixes(training, rows, workers, progress, &map));
  return Adaptor::Create({dimensions, map.rotation(), map.scales(), "prefixes", samples,
                          training.model, training.model_identity});
}

absl::StatusOr<std::shared_ptr<const Adaptor>> TrainAdaptorOnPairs(
    const AdaptorPairs& pairs, absl::Span<const float> collection, size_t dimensions,
    const AdaptorTraining& training, AdaptorProgress progress) {
  VECNEST_RETURN_IF_ERROR(CheckTraining(training, dimensions));
  VECNEST_ASSIGN_OR_RETURN(PairBatches batches, PairBatches::Create(pairs, dimensions));
  VECNEST_RETURN_IF_ERROR(CheckCount(batches.size(), "pairs"));
  VECNEST_ASSIGN_OR_RETURN(const TrainingRows others,
                           TrainingRows::Create(collection, dimensions, "vectors"));
  VECNEST_RETURN_IF_ERROR(progress(0));
  const Workers workers(training.threads);
  const TrainingRows& start = others.directed().empty() ? batches.positives() : others;
  VECNEST_ASSIGN_OR_RETURN(PrincipalAxes axes,
                           FindPrincipalAxes(start, training.normalize, workers));
  ScaledRotation map = StartingMap(training, std::move(axes), &workers);
  std::mt19937_64 random(training.seed);
  const size_t size = std::min(static_cast<size_t>(training.batch), batches.size());
  const auto next_batch = [&](PrefixBatch* batch) {
    batches.Next(size, &random, batch);
    return absl::OkStatus();
  };
  VECNEST_RETURN_IF_ERROR(Descend(training, workers, next_batch, progress, &map));
  return Adaptor::Create({dimensions, map.rotation(), map.scales(), "pairs", batches.size(),
                          training.model, training.model_identity});
}

}  // namespace vecnest::embedder
