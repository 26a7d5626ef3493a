// From hidden states to scores of tokens: what a masked language model is trained by.
#ifndef VECNEST_EMBEDDER_OUTPUT_HEAD_H_
#define VECNEST_EMBEDDER_OUTPUT_HEAD_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/safetensors.h"

namespace vecnest::embedder {

// scores = t(h) E^T + b, where E is the table of the input tokens ("tied", Press & Wolf 2017) and
// t(h) = LayerNorm(GELU(W h + c)), BERT's (Devlin et al. 2019). A checkpoint of a sentence encoder
// mostly has neither W nor b: then t is the identity, and scores are dot products that nothing was
// trained for. In f32 whatever the model's precision. Immutable, safe from any thread.
class OutputHead {
 public:
  struct Network {
    absl::Span<const float> table;  // of input tokens, row-major [vocabulary, width]; outlives it
    size_t width = 0;
    float epsilon = 0;  // of its layer norms
  };

  // Reads the tensors "cls.predictions.…" where they are there; a decoder of its own is used
  // instead of the table. InvalidArgument, naming file and tensor, when some are missing or
  // misshapen.
  static absl::StatusOr<OutputHead> Create(const SafeTensors& weights, const Network& network);

  // Whether the checkpoint has the head that it was trained with.
  bool trained() const { return !dense_.values().empty(); }
  // Whether tokens are scored by the input table.
  bool tied() const { return decoder_.values().empty(); }
  // For one state.
  size_t multiply_adds() const;
  size_t owned_bytes() const;

  // states: [rows, width], scores: [rows, vocabulary], both row-major. Unavailable (no memory) or
  // Internal when the matrix library fails.
  absl::Status Score(const float* states, size_t rows, float* scores) const;

 private:
  explicit OutputHead(const Network& network) : network_(network) {}
  size_t vocabulary() const { return network_.table.size() / network_.width; }
  absl::Status ReadTransform(const SafeTensors& weights);

  Network network_;
  FloatTensor dense_;  // [width, width]; without values: no transform
  FloatTensor dense_bias_;
  FloatTensor norm_scale_;
  FloatTensor norm_shift_;
  FloatTensor decoder_;  // [vocabulary, width]; without values: the table
  FloatTensor bias_;     // [vocabulary]; without values: none
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_OUTPUT_HEAD_H_
