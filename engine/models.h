// The models a database has loaded, and how texts on their way into vectors are batched.
#ifndef VECNEST_ENGINE_MODELS_H_
#define VECNEST_ENGINE_MODELS_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "embedder/encoder.h"
#include "engine/definition.h"
#include "engine/embedding_cache.h"
#include "engine/inspection/model_inspector.h"
#include "engine/shard.h"
#include "vecnest/embedding.h"

namespace vecnest::engine {

// Thread-safe; nothing but the cache changes after Load.
class LoadedModels final : public TextEmbedder {
 public:
  explicit LoadedModels(size_t cache_bytes) : cache_(cache_bytes) {}
  // Each of `names` as FindModel takes it; the first is the default. InvalidArgument when two
  // models have the same name.
  static absl::StatusOr<std::unique_ptr<LoadedModels>> Load(const std::vector<std::string>& names,
                                                            const ModelLoadOptions& options);

  // By exact name, or, where that fits one model alone, by the last component of "org/name" or of
  // the path it was loaded from, without regard to case; "" is the default. NotFound lists what is
  // loaded.
  absl::StatusOr<const embedder::Encoder*> Resolve(std::string_view name) const;
  // Null when no loaded model has this identity.
  const embedder::Encoder* FindIdentity(std::string_view identity) const;

  // As Encoder::Encode, for one of these models; short calls look into the cache first.
  absl::StatusOr<std::vector<embedder::Encoding>> Encode(
      const embedder::Encoder& encoder, absl::Span<const std::string_view> texts,
      const embedder::EncodeOptions& options, const embedder::CallControl& control) const;

  std::vector<ModelInfo> Models() const override;
  EmbedderStats Stats() const override;
  absl::StatusOr<ModelInfo> Model(std::string_view name) const override;
  absl::StatusOr<std::vector<Embedding>> Embed(const std::vector<std::string>& texts,
                                               const EmbedOptions& options) const override;
  absl::StatusOr<std::vector<Embedding>> EmbedTokens(const std::vector<std::vector<int32_t>>& ids,
                                                     const EmbedOptions& options) const override;
  const Inspector& inspector() const override { return inspector_; }

 private:
  // The encoder, when it can do what `options` ask for.
  absl::StatusOr<const embedder::Encoder*> EncoderFor(const EmbedOptions& options) const;

  std::vector<std::unique_ptr<embedder::Encoder>> encoders_;
  mutable EmbeddingCache cache_;
  const ModelInspector inspector_{*this};
};

// Texts that are to become vectors of one collection, encoded together. Not thread-safe.
class TextBatch {
 public:
  TextBatch(const LoadedModels& models, const Definition& definition)
      : models_(models), definition_(definition) {}

  // Takes a text for a vector of `slot`; it is read by Run and must live until then. The result is
  // the ticket to fetch it with. Errors: the model is not loaded, is not the one the slot is bound
  // to, or is too narrow; the text asks for chunks, which its user has not made.
  absl::StatusOr<size_t> Add(const Text& text, Slot slot, TextType type);
  absl::StatusOr<size_t> Add(Text&& text, Slot slot, TextType type) = delete;

  // The chunks that `text.chunk` asks for; at most `most`. A document's text, to be added chunk by
  // chunk.
  absl::StatusOr<std::vector<embedder::TextSpan>> Split(const Text& text, Slot slot, size_t most,
                                                        const CallLimits& limits) const;

  // Says what the text of a ticket is, for errors: "point 7, vector 'x'".
  using NameText = absl::FunctionRef<std::string(size_t ticket)>;
  // Encodes everything that was added.
  absl::Status Run(NameText name, embedder::Priority priority, const CallLimits& limits);

  const embedder::Encoding& result(size_t ticket) const { return results_[ticket].encoding; }
  ModelUsage usage(size_t ticket) const;
  // Of all texts, by model and prefix.
  std::vector<ModelUsage> Usage() const;
  size_t size() const { return results_.size(); }
  // Which model each slot's texts were read by.
  const std::map<Slot, ModelBinding>& bindings() const { return bindings_; }

 private:
  // Texts that are encoded together: by the same encoder under the same options.
  struct Group {
    const embedder::Encoder* encoder = nullptr;
    TextType type = TextType::kDocument;
    std::optional<std::string> prefix;
    int dimensions = 0;
    bool truncate = true;
    auto operator<=>(const Group&) const = default;
  };
  struct Result {
    const Group* group = nullptr;  // a key of groups_
    embedder::Encoding encoding;
  };
  struct Members {
    std::vector<std::string_view> texts;
    std::vector<size_t> tickets;
  };

  absl::StatusOr<const embedder::Encoder*> EncoderFor(const Text& text, Slot slot) const;
  static embedder::EncodeOptions OptionsOf(const Group& group);

  const LoadedModels& models_;
  const Definition& definition_;
  std::map<Group, Members> groups_;
  std::vector<Result> results_;
  std::map<Slot, ModelBinding> bindings_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_MODELS_H_
