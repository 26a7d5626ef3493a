// Text to vectors without a collection.
#ifndef VECNEST_EMBEDDING_H_
#define VECNEST_EMBEDDING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "vecnest/types.h"

namespace vecnest {

class Adaptor;  // adapt.h

// Models trained with prefixes put a different one before queries and documents.
enum class TextType { kDocument, kQuery };

// The number format of a model's matrix products. Vectors of one model in different precisions
// can be compared: those of kBf16 have a cosine of about 0.99999 to those of kF32, kInt8 of 0.998.
enum class Precision { kF32, kBf16, kInt8 };

// "f32", "bf16", "int8".
std::string_view PrecisionName(Precision precision);
std::optional<Precision> ParsePrecision(std::string_view name);
// The fastest precision that ranks like kF32 to within the noise of evaluations: kBf16 where the
// CPU has instructions for it, else kF32.
Precision FastestFaithfulPrecision();

struct ModelLoadOptions {
  int threads = 0;                        // for encoding; 0: one per core
  Precision precision = Precision::kF32;  // Unimplemented where the CPU lacks it
  // Vectors of texts that were encoded lately are kept up to this size. 0: none.
  size_t cache_bytes = size_t{64} << 20;
  // Calls that may wait for a model; more end with ResourceExhausted at once.
  size_t waiting_calls = 1024;
};

// Since the model was loaded.
struct ModelStats {
  std::string model;
  // Forward passes, and the texts in them: of several calls when they came at the same time.
  uint64_t passes = 0;
  uint64_t pass_texts = 0;
  uint64_t pass_tokens = 0;
  uint64_t dropped_texts = 0;  // their call was cancelled or late
  uint64_t refused_calls = 0;  // too many waited
};

// Since the models were loaded.
struct EmbedderStats {
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  uint64_t cache_bytes = 0;
  uint64_t cache_entries = 0;
  std::vector<ModelStats> models;  // in their order
};

struct ModelInfo {
  std::string name;
  std::string directory;     // or file
  std::string architecture;  // "bert", or "static" for a table without layers
  int dimensions = 0;
  int layers = 0;
  int max_tokens = 0;
  std::string pooling;
  bool normalized = false;
  Precision precision = Precision::kF32;  // static tables multiply nothing: always kF32
  uint64_t packed_bytes = 0;              // memory of the packed weights
  uint64_t memory_bytes = 0;              // all that is held beside the file: these and tables
  uint64_t mapped_bytes = 0;              // the weights' file, which the page cache shares
  std::string query_prefix;
  std::string document_prefix;
  // Hash of weights, tokenizer, pooling and prompts.
  std::string identity;
};

struct EmbedOptions {
  std::string model;  // empty: the default model
  TextType type = TextType::kDocument;
  int dimensions = 0;  // 0: the model's width; else a prefix of it, renormalised
  // False: a text longer than the model reads is an InvalidArgument that names it.
  bool truncate = false;
  std::optional<std::string> prefix;  // replaces the model's own
  // What vectors go through, as those of a collection that has this adaptor (null: nothing). Of the
  // model's width. FailedPrecondition: it was learned from vectors of another model.
  std::shared_ptr<const Adaptor> adaptor = nullptr;
  CallLimits limits = {};
};

struct Embedding {
  std::vector<float> vector;
  // As read by the model, special tokens included. 0 where a static table knows none of the text's
  // words: the vector is then all zeros.
  int tokens = 0;
  bool truncated = false;
};

class Inspector;  // inspection.h

// Models without a database. Thread-safe.
class TextEmbedder {
 public:
  // `models` as in DatabaseOptions::models; InvalidArgument when two have the same name.
  static absl::StatusOr<std::unique_ptr<TextEmbedder>> Load(const std::vector<std::string>& models,
                                                            const ModelLoadOptions& options);
  virtual ~TextEmbedder() = default;

  virtual std::vector<ModelInfo> Models() const = 0;
  // The model of this name: exactly, or, where that fits one model alone, by the last component of
  // "org/name", without regard to case; "" is the default. NotFound lists what is loaded.
  virtual absl::StatusOr<ModelInfo> Model(std::string_view name) const = 0;
  virtual EmbedderStats Stats() const = 0;
  // In the order of `texts`. Queries and single texts go before larger calls. InvalidArgument names
  // the text that is not UTF-8 or too long; ResourceExhausted: too many calls wait.
  virtual absl::StatusOr<std::vector<Embedding>> Embed(const std::vector<std::string>& texts,
                                                       const EmbedOptions& options) const = 0;
  // Token ids as the model's tokenizer makes them, special tokens included.
  virtual absl::StatusOr<std::vector<Embedding>> EmbedTokens(
      const std::vector<std::vector<int32_t>>& ids, const EmbedOptions& options) const = 0;

  // Looks into the models; lives as long as this.
  virtual const Inspector& inspector() const = 0;
};

}  // namespace vecnest

#endif  // VECNEST_EMBEDDING_H_
