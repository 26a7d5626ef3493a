// The hidden states of texts, layer by layer.
#ifndef VECNEST_EMBEDDER_INSPECTION_HIDDEN_LAYERS_H_
#define VECNEST_EMBEDDER_INSPECTION_HIDDEN_LAYERS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/call_control.h"
#include "embedder/encoder.h"
#include "embedder/pooling.h"

namespace vecnest::embedder {

// FailedPrecondition for a model without layers, where there is nothing of the kind to see.
absl::Status ExpectLayers(const Encoder& encoder);

// Hidden state x_l of a text, beside those before it. One value per token.
struct StreamLayer {
  std::vector<double> norms;
  // Of x_l - x_{l-1}, what the layer changed; empty for layer 0, as is the next.
  std::vector<double> added;
  std::vector<double> cosine_to_previous;
  std::vector<double> cosine_to_first;  // to x_0
  // Of the text's vector as the model would pool it from this layer, to that of the last layer.
  double pooled_cosine_to_last = 0;
  // Mean cosine between the states of different tokens: near 1 where all look the same way
  // (anisotropy, Ethayarajh 2019). 0 for a single token.
  double mean_cosine = 0;
};

// `states` as of Encoder::HiddenStates for one sequence. Layers 0 .. last.
std::vector<StreamLayer> MeasureStream(absl::Span<const std::vector<float>> states, size_t width,
                                       Pooling pooling);

// One way to read a vector of a text off a model.
struct LayerReading {
  std::string name;  // "table", "0", …, "mean of all layers", "mean of first and last layer"
  std::vector<std::vector<float>> vectors;  // one per sequence
};

// Every way, for each of `poolings`: the rows of the table, each layer, and means of layers; means
// of layers are those of their pooled vectors. One pass over the batch. Errors of
// Encoder::VisitStates.
absl::StatusOr<std::vector<std::vector<LayerReading>>> ReadLayers(
    const Encoder& encoder, const TokenBatch& batch, absl::Span<const Pooling> poolings,
    const CallControl& control);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_INSPECTION_HIDDEN_LAYERS_H_
