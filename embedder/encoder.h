// Text in, vectors out: the one interface the rest of Vecnest sees of a model.
//
// A guide to this folder, in the order a text passes through it:
//   encoder.cc            tokenizes, pools
//   model_loader          puts a model together out of what its files hold
//   model_config, tokenizer_files, safetensors, word_table, mapped_file, json
//                         read the files; nothing in them is trusted
//   tokenizer             what a tokenizer must offer
//   wordpiece, bpe, added_tokens, string_map, word_splitter, trie, utf8, unicode_rules
//                         the tokenizers, equal to Hugging Face's id for id
//   word_lookup           the tokenizer of tables of whole words
//   batch_scheduler, call_control
//                         joins the texts of all calls into forward passes; urgent ones first
//   team                  threads that share the work of one short pass
//   chunker               cuts long documents into pieces that the model reads whole
//   registry, architecture
//                         which networks there are, and what one must offer
//   bert.cc, static_table.cc
//                         the networks: one file and one line in registry.cc per architecture
//   linear, kernels/      matrix products (oneDNN); attention and elementwise kernels (Highway)
//   pooling, identity     token states to one vector; what makes two models the same
//   output_head           token states to scores of tokens, where a model has learned that
//   vocabulary            what its tokens are called
//   inspection/           looks into all of these, see inspection/nearest_rows.h
// Third-party libraries end in one file each: oneDNN and OpenMP in linear.cc, ICU in
// unicode_rules.cc, nlohmann::json in json.cc, xxHash in identity.cc, Highway in kernels/.
#ifndef VECNEST_EMBEDDER_ENCODER_H_
#define VECNEST_EMBEDDER_ENCODER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/architecture.h"
#include "embedder/batch_scheduler.h"
#include "embedder/call_control.h"
#include "embedder/chunker.h"
#include "embedder/pooling.h"
#include "embedder/precision.h"
#include "embedder/tokenizer.h"
#include "embedder/vocabulary.h"

namespace vecnest::embedder {

// What a text is used for. Models trained with prefixes put a different one before each.
enum class TextType { kDocument, kQuery };

struct ModelInfo {
  // The path's last component, of a file without its ending, e.g. "all-MiniLM-L6-v2".
  std::string name;
  std::string directory;     // or file: where it was loaded from
  std::string architecture;  // "bert", or "static" for a table without layers
  int dimensions = 0;        // width of a sentence vector
  int layers = 0;            // transformer blocks; hidden states are numbered 0..layers
  int max_tokens = 0;        // longest input including special tokens
  std::string pooling;       // "mean", "cls" or "max"
  bool normalized = false;   // vectors have unit length
  Precision precision = Precision::kF32;  // static tables multiply nothing: always f32
  uint64_t packed_bytes = 0;              // memory of the packed weights
  uint64_t memory_bytes = 0;              // all that is held beside the file: these and tables
  uint64_t mapped_bytes = 0;              // the weights' file, which the page cache shares
  std::string query_prefix;
  std::string document_prefix;
  // Hex XXH3-128 over weights, tokenizer, pooling and prompts: two models with the same
  // identity give the same vectors up to the rounding of their precision, and vectors of
  // different identities must not be mixed.
  std::string identity;
};

struct EncodeOptions {
  TextType type = TextType::kDocument;
  // When false, a text of more than max_tokens is an InvalidArgument error that names its
  // position; when true it is cut and marked in Encoding::truncated.
  bool truncate = true;
  // Replaces the model's own prefix for `type` when set (an empty string: no prefix).
  std::optional<std::string> prefix = std::nullopt;
  // First `dimensions` components, renormalised when the model normalises. 0: full width.
  int dimensions = 0;
};

struct Encoding {
  std::vector<float> vector;
  // Tokens read by the model, special tokens included. 0 where a static table knows none of the
  // text's words: the vector is then all zeros.
  int tokens = 0;
  bool truncated = false;
};

using EncoderStats = BatchScheduler::Stats;

// What a model is made of, for those who look into it.
struct ModelParts {
  const Tokenizer* tokenizer = nullptr;
  const Architecture* architecture = nullptr;
  Pooling pooling = Pooling::kMean;
};

// A loaded model. Immutable after Load; every method may be called from any thread.
class Encoder {
 public:
  struct LoadOptions {
    int threads = 1;  // that encode at a time
    // Calls that may wait; more are refused, see Encode.
    size_t waiting_calls = 1024;
    // Unimplemented when the CPU does not have it, see IsSupported.
    Precision precision = Precision::kF32;
  };

  // Reads a Hugging Face / sentence-transformers / model2vec directory, or a table of words:
  // GloVe's or word2vec's text form (.txt) or word2vec's binary form (.bin). Every error names the
  // file, and for weights the tensor or word, what was found and what was expected.
  static absl::StatusOr<std::unique_ptr<Encoder>> Load(const std::string& path,
                                                       const LoadOptions& options);
  virtual ~Encoder() = default;

  virtual const ModelInfo& info() const = 0;
  virtual EncoderStats stats() const = 0;

  // Adds prefix and special tokens and truncates as told. Text must be valid UTF-8
  // (InvalidArgument otherwise, naming the position in `texts`). Only a static table can give a
  // sequence without tokens.
  virtual absl::StatusOr<TokenBatch> Tokenize(absl::Span<const std::string_view> texts,
                                              const EncodeOptions& options) const = 0;

  // One Encoding per text, in order. The same text gives the same bits whatever else is encoded
  // at the time. Besides Tokenize's errors: ResourceExhausted when too many calls wait, Cancelled
  // and DeadlineExceeded as `control` tells, Internal, naming the model, when what it computes is
  // not finite, and Unavailable when memory is short.
  virtual absl::StatusOr<std::vector<Encoding>> Encode(absl::Span<const std::string_view> texts,
                                                       const EncodeOptions& options,
                                                       const CallControl& control) const = 0;
  absl::StatusOr<std::vector<Encoding>> Encode(absl::Span<const std::string_view> texts,
                                               const EncodeOptions& options) const {
    return Encode(texts, options, CallControl{});
  }

  // Cuts a text into chunks of at most limits.max_tokens that Encode reads whole under the same
  // prefix; only `type` and `prefix` of the options matter. InvalidArgument: not UTF-8, limits that
  // the model or the prefix leave no room for, or more than limits.max_chunks.
  virtual absl::StatusOr<std::vector<TextSpan>> SplitText(std::string_view text,
                                                          const ChunkLimits& limits,
                                                          const EncodeOptions& options,
                                                          const CallControl& control) const = 0;
  absl::StatusOr<std::vector<TextSpan>> SplitText(std::string_view text, const ChunkLimits& limits,
                                                  const EncodeOptions& options) const {
    return SplitText(text, limits, options, CallControl{});
  }

  // Encodes token ids given by the caller, used as they are (no special tokens added). Ids
  // outside the vocabulary and empty or overlong sequences are InvalidArgument.
  virtual absl::StatusOr<std::vector<Encoding>> EncodeTokens(const TokenBatch& batch,
                                                             const EncodeOptions& options,
                                                             const CallControl& control) const = 0;
  absl::StatusOr<std::vector<Encoding>> EncodeTokens(const TokenBatch& batch,
                                                     const EncodeOptions& options) const {
    return EncodeTokens(batch, options, CallControl{});
  }

  // Every hidden state x_0 .. x_layers of the concatenated tokens: result[l] is a row-major
  // [batch.ids.size(), dimensions] matrix. Errors as those of EncodeTokens.
  absl::StatusOr<std::vector<std::vector<float>>> HiddenStates(const TokenBatch& batch,
                                                               const CallControl& control) const;
  absl::StatusOr<std::vector<std::vector<float>>> HiddenStates(const TokenBatch& batch) const {
    return HiddenStates(batch, CallControl{});
  }

  // The same without keeping them: the sink gets the states of each sequence, layer by layer, see
  // BatchScheduler::Sink.
  virtual absl::Status VisitStates(const TokenBatch& batch, const CallControl& control,
                                   BatchScheduler::Sink sink) const = 0;

  // These live as long as the encoder.
  virtual ModelParts parts() const = 0;
  // Made by the first call, then kept: some megabytes.
  virtual const Vocabulary& vocabulary() const = 0;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_ENCODER_H_
