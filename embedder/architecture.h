// A network of any kind: token ids in, hidden states out.
#ifndef VECNEST_EMBEDDER_ARCHITECTURE_H_
#define VECNEST_EMBEDDER_ARCHITECTURE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "embedder/output_head.h"
#include "embedder/precision.h"
#include "embedder/team.h"
#include "embedder/tokenizer.h"

namespace vecnest::embedder {

// Some sequences of a batch: sequence i is ids[offsets[i] - offsets[0] .. offsets[i + 1] -
// offsets[0]). No padding between them.
struct TokenSpan {
  absl::Span<const int32_t> ids;
  absl::Span<const size_t> offsets;
};

// Implementations are immutable after construction; any thread may run them, each with a
// workspace of its own.
class Architecture {
 public:
  struct Shape {
    size_t width = 0;                       // of a hidden state
    size_t layers = 0;                      // hidden states are numbered 0..layers
    size_t vocabulary = 0;                  // ids are below it
    size_t max_tokens = 0;                  // longest sequence
    size_t packed_bytes = 0;                // of the weights that are kept beside the mapped file
    size_t table_bytes = 0;                 // of the tables and vectors kept beside it
    Precision precision = Precision::kF32;  // of what is computed, which may be less than was asked
    TokenizerUse reads = {};
    size_t token_rows = 0;         // of the table of tokens: fewer than ids where tokens share rows
    size_t token_table_bytes = 0;  // of that table in its file
  };

  // Buffers of one running forward pass. They grow to the largest call and are kept.
  class Workspace {
   public:
    virtual ~Workspace() = default;
    // Who helps the pass; null for nobody.
    Team* team = nullptr;
  };

  // Receives hidden state `layer` of all tokens, row-major [tokens, width]; valid during the call.
  using HiddenStateSink = absl::FunctionRef<void(size_t layer, const float* rows)>;

  virtual ~Architecture() = default;
  // E.g. "bert"; part of the model's identity.
  virtual std::string_view name() const = 0;
  virtual const Shape& shape() const = 0;

  // Writes the `width` values that are looked up for a token, before positions are added or
  // anything is normalised. `id` is below `vocabulary`.
  virtual void TokenRow(int32_t id, float* out) const = 0;

  // From states of the last layer to scores of tokens; null where the network has no layers.
  virtual const OutputHead* output_head() const { return nullptr; }

  // Hyperparameters that change the result and that the weights alone do not tell, as text; part
  // of the model's identity, so its form must not change.
  virtual std::string Settings() const = 0;

  virtual std::unique_ptr<Workspace> NewWorkspace() const = 0;

  // Gives the sink the hidden states 0..layers in order. Ids and lengths must be within shape(),
  // no sequence empty where special tokens are read; memory grows with the number of tokens, so
  // callers pass a bounded number. A sequence's states have the same bits whatever other sequences
  // there are. Errors: the matrix library's (Unavailable: no memory; Internal).
  virtual absl::Status Forward(const TokenSpan& tokens, Workspace* workspace,
                               HiddenStateSink sink) const = 0;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_ARCHITECTURE_H_
