#include "embedder/inspection/hidden_layers.h"

#include <fmt/format.h>

#include "embedder/architecture.h"
#include "embedder/inspection/vectors.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

// The mean cosine of all pairs of n unit vectors is (|sum|^2 - n) / (n (n - 1)).
double MeanCosine(const float* rows, size_t count, size_t width) {
  if (count < 2) return 0;
  std::vector<double> sum(width);
  double units = 0;
  for (size_t t = 0; t < count; ++t) {
    const float* row = rows + t * width;
    const double norm = Norm(row, width);
    if (norm == 0) continue;
    units += 1;
    for (size_t i = 0; i < width; ++i) sum[i] += row[i] / norm;
  }
  double square = 0;
  for (const double value : sum) square += value * value;
  const auto n = static_cast<double>(count);
  return (square - units) / (n * (n - 1));
}

double Distance(const float* a, const float* b, size_t width) {
  double sum = 0;
  for (size_t i = 0; i < width; ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

std::vector<float> MeanOf(absl::Span<const std::vector<float>* const> vectors) {
  std::vector<float> mean(vectors.front()->size());
  for (size_t i = 0; i < mean.size(); ++i) {
    double sum = 0;
    for (const std::vector<float>* vector : vectors) sum += (*vector)[i];
    mean[i] = static_cast<float>(sum / static_cast<double>(vectors.size()));
  }
  return mean;
}

LayerReading MeanReading(std::string name, absl::Span<const LayerReading* const> readings) {
  LayerReading mean = {std::move(name), {}};
  for (size_t i = 0; i < readings.front()->vectors.size(); ++i) {
    std::vector<const std::vector<float>*> vectors;
    vectors.reserve(readings.size());
    for (const LayerReading* reading : readings) vectors.push_back(&reading->vectors[i]);
    mean.vectors.push_back(MeanOf(vectors));
  }
  return mean;
}

LayerReading ReadTable(const Architecture& architecture, const TokenBatch& batch, Pooling pooling) {
  const size_t width = architecture.shape().width;
  LayerReading table = {"table", {}};
  std::vector<float> rows;
  for (size_t i = 0; i < batch.size(); ++i) {
    const size_t tokens = batch.offsets[i + 1] - batch.offsets[i];
    rows.resize(tokens * width);
    for (size_t t = 0; t < tokens; ++t) {
      architecture.TokenRow(batch.ids[batch.offsets[i] + t], rows.data() + t * width);
    }
    table.vectors.push_back(PoolTokens(pooling, rows.data(), tokens, width, width, false));
  }
  return table;
}

}  // namespace

absl::Status ExpectLayers(const Encoder& encoder) {
  if (encoder.info().layers > 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("{} is a table of vectors without layers: a token has the same vector in every "
                  "text; choose a transformer model",
                  encoder.info().name));
}

std::vector<StreamLayer> MeasureStream(absl::Span<const std::vector<float>> states, size_t width,
                                       Pooling pooling) {
  const size_t tokens = states.front().size() / width;
  const auto pool = [&](const std::vector<float>& rows) {
    return PoolTokens(pooling, rows.data(), tokens, width, width, false);
  };
  const std::vector<float> last = pool(states.back());
  std::vector<StreamLayer> stream(states.size());
  for (size_t l = 0; l < states.size(); ++l) {
    StreamLayer& layer = stream[l];
    for (size_t t = 0; t < tokens; ++t) {
      const float* row = states[l].data() + t * width;
      layer.norms.push_back(Norm(row, width));
      layer.cosine_to_first.push_back(Cosine(row, states[0].data() + t * width, width));
      if (l == 0) continue;
      const float* previous = states[l - 1].data() + t * width;
      layer.added.push_back(Distance(row, previous, width));
      layer.cosine_to_previous.push_back(Cosine(row, previous, width));
    }
    layer.pooled_cosine_to_last = Cosine(pool(states[l]).data(), last.data(), width);
    layer.mean_cosine = MeanCosine(states[l].data(), tokens, width);
  }
  return stream;
}

absl::StatusOr<std::vector<std::vector<LayerReading>>> ReadLayers(
    const Encoder& encoder, const TokenBatch& batch, absl::Span<const Pooling> poolings,
    const CallControl& control) {
  const Architecture& architecture = *encoder.parts().architecture;
  const Architecture::Shape& shape = architecture.shape();
  std::vector<std::vector<LayerReading>> readings;
  for (const Pooling pooling : poolings) {
    auto& ways = readings.emplace_back();
    ways.push_back(ReadTable(architecture, batch, pooling));
    for (size_t layer = 0; layer <= shape.layers; ++layer) {
      ways.push_back({fmt::format("{}", layer), std::vector<std::vector<float>>(batch.size())});
    }
  }
  VECNEST_RETURN_IF_ERROR(
      encoder.VisitStates(batch, control, [&](size_t i, size_t layer, const float* rows) {
        const size_t tokens = batch.offsets[i + 1] - batch.offsets[i];
        for (size_t p = 0; p < poolings.size(); ++p) {
          readings[p][layer + 1].vectors[i] =
              PoolTokens(poolings[p], rows, tokens, shape.width, shape.width, false);
        }
      }));
  for (std::vector<LayerReading>& ways : readings) {
    std::vector<const LayerReading*> layers;
    for (size_t layer = 0; layer <= shape.layers; ++layer) layers.push_back(&ways[layer + 1]);
    LayerReading all = MeanReading("mean of all layers", layers);
    LayerReading ends =
        MeanReading("mean of first and last layer", {layers.front(), layers.back()});
    ways.push_back(std::move(all));
    ways.push_back(std::move(ends));
  }
  return readings;
}

}  // namespace vecnest::embedder
