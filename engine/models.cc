#include "engine/models.h"

#include <algorithm>
#include <cctype>
#include <thread>

#include "engine/conversions.h"
#include "engine/refused_text.h"
#include "engine/vector_adaptor.h"
#include "fmt/format.h"
#include "vecnest/database.h"

namespace vecnest {

absl::StatusOr<std::unique_ptr<TextEmbedder>> TextEmbedder::Load(
    const std::vector<std::string>& models, const ModelLoadOptions& options) {
  return engine::LoadedModels::Load(models, options);
}

namespace {

embedder::Precision ToEmbedder(Precision precision) {
  switch (precision) {
    case Precision::kBf16:
      return embedder::Precision::kBf16;
    case Precision::kInt8:
      return embedder::Precision::kInt8;
    case Precision::kF32:
      break;
  }
  return embedder::Precision::kF32;
}

Precision FromEmbedder(embedder::Precision precision) {
  switch (precision) {
    case embedder::Precision::kBf16:
      return Precision::kBf16;
    case embedder::Precision::kInt8:
      return Precision::kInt8;
    case embedder::Precision::kF32:
      break;
  }
  return Precision::kF32;
}

}  // namespace

Precision FastestFaithfulPrecision() {
  return embedder::IsSupported(embedder::Precision::kBf16) ? Precision::kBf16 : Precision::kF32;
}

std::string_view PrecisionName(Precision precision) {
  return embedder::PrecisionName(ToEmbedder(precision));
}

std::optional<Precision> ParsePrecision(std::string_view name) {
  const auto precision = embedder::ParsePrecision(name);
  if (!precision) return std::nullopt;
  return FromEmbedder(*precision);
}

namespace engine {
namespace {

// Larger calls are imports: their texts hardly come again, and would push out those that do.
constexpr size_t kMostCachedTexts = 64;

std::string_view LastComponent(std::string_view name) {
  return name.substr(name.find_last_of('/') + 1);
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

ModelInfo ToModelInfo(const embedder::ModelInfo& info) {
  return {.name = info.name,
          .directory = info.directory,
          .architecture = info.architecture,
          .dimensions = info.dimensions,
          .layers = info.layers,
          .max_tokens = info.max_tokens,
          .pooling = info.pooling,
          .normalized = info.normalized,
          .precision = FromEmbedder(info.precision),
          .packed_bytes = info.packed_bytes,
          .memory_bytes = info.memory_bytes,
          .mapped_bytes = info.mapped_bytes,
          .query_prefix = info.query_prefix,
          .document_prefix = info.document_prefix,
          .identity = info.identity};
}

embedder::EncodeOptions ToEncodeOptions(const EmbedOptions& options) {
  embedder::EncodeOptions to;
  to.type = ToTextType(options.type);
  to.truncate = options.truncate;
  to.prefix = options.prefix;
  to.dimensions = options.adaptor == nullptr ? options.dimensions : 0;  // it takes whole vectors
  return to;
}

// Somebody waits for a query or a single text; many texts are an import.
embedder::Priority PriorityOf(const EmbedOptions& options, size_t texts) {
  return options.type == TextType::kQuery || texts == 1 ? embedder::Priority::kUrgent
                                                        : embedder::Priority::kBulk;
}

absl::Status CheckDimensions(const embedder::ModelInfo& model, int dimensions) {
  if (dimensions >= 0 && dimensions <= model.dimensions) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("dimensions: {}, expected 1 to {} (the width of {})", dimensions,
                  model.dimensions, model.name));
}

absl::StatusOr<std::vector<Embedding>> ToEmbeddings(std::vector<embedder::Encoding> encodings,
                                                    const embedder::ModelInfo& model,
                                                    const EmbedOptions& options) {
  std::vector<Embedding> embeddings;
  embeddings.reserve(encodings.size());
  for (embedder::Encoding& from : encodings) {
    if (options.adaptor != nullptr) {
      auto adapted = options.adaptor->Apply(from.vector, options.dimensions);
      if (!adapted.ok()) return adapted.status();
      from.vector = *std::move(adapted);
      const bool prefix = static_cast<int>(from.vector.size()) < model.dimensions;
      if (prefix && model.normalized) ScaleToUnit(absl::MakeSpan(from.vector));
    }
    embeddings.push_back({std::move(from.vector), from.tokens, from.truncated});
  }
  return embeddings;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadedModels>> LoadedModels::Load(
    const std::vector<std::string>& names, const ModelLoadOptions& load_options) {
  embedder::Encoder::LoadOptions options;
  options.threads = load_options.threads > 0
                        ? load_options.threads
                        : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  options.precision = ToEmbedder(load_options.precision);
  options.waiting_calls = load_options.waiting_calls;
  auto models = std::make_unique<LoadedModels>(load_options.cache_bytes);
  for (const std::string& name : names) {
    auto directory = FindModel(name);
    if (!directory.ok()) return directory.status();
    auto encoder = embedder::Encoder::Load(*directory, options);
    if (!encoder.ok()) return encoder.status();
    const embedder::ModelInfo& info = (*encoder)->info();
    for (const auto& other : models->encoders_) {
      if (other->info().name != info.name) continue;
      return absl::InvalidArgumentError(
          fmt::format("two models are called '{}': {} and {}; rename one of them", info.name,
                      other->info().directory, info.directory));
    }
    models->encoders_.push_back(*std::move(encoder));
  }
  return models;
}

absl::StatusOr<const embedder::Encoder*> LoadedModels::Resolve(std::string_view name) const {
  if (encoders_.empty()) {
    return absl::FailedPreconditionError(
        "a text was given but no model is loaded; start with a model or send vectors");
  }
  if (name.empty()) return encoders_.front().get();
  for (const auto& encoder : encoders_) {
    if (encoder->info().name == name) return encoder.get();
  }
  std::vector<const embedder::Encoder*> similar;
  for (const auto& encoder : encoders_) {
    const embedder::ModelInfo& info = encoder->info();
    if (EqualsIgnoringCase(info.name, LastComponent(name)) ||
        EqualsIgnoringCase(LastComponent(info.directory), LastComponent(name))) {
      similar.push_back(encoder.get());
    }
  }
  if (similar.size() == 1) return similar.front();
  if (!similar.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("model '{}' may be '{}' or '{}'; give the exact name", name,
                    similar[0]->info().name, similar[1]->info().name));
  }
  std::string loaded;
  for (const auto& encoder : encoders_) {
    loaded += fmt::format("{}{}", loaded.empty() ? "" : ", ", encoder->info().name);
  }
  return absl::NotFoundError(fmt::format("model '{}' is not loaded; loaded: {}", name, loaded));
}

const embedder::Encoder* LoadedModels::FindIdentity(std::string_view identity) const {
  for (const auto& encoder : encoders_) {
    if (encoder->info().identity == identity) return encoder.get();
  }
  return nullptr;
}

std::vector<ModelInfo> LoadedModels::Models() const {
  std::vector<ModelInfo> infos;
  infos.reserve(encoders_.size());
  for (const auto& encoder : encoders_) infos.push_back(ToModelInfo(encoder->info()));
  return infos;
}

EmbedderStats LoadedModels::Stats() const {
  const EmbeddingCache::Stats cache = cache_.stats();
  EmbedderStats stats;
  stats.cache_hits = cache.hits;
  stats.cache_misses = cache.misses;
  stats.cache_bytes = cache.bytes;
  stats.cache_entries = cache.entries;
  for (const auto& encoder : encoders_) {
    const embedder::EncoderStats encoded = encoder->stats();
    stats.models.push_back({.model = encoder->info().name,
                            .passes = encoded.passes,
                            .pass_texts = encoded.sequences,
                            .pass_tokens = encoded.tokens,
                            .dropped_texts = encoded.dropped,
                            .refused_calls = encoded.refused});
  }
  return stats;
}

absl::StatusOr<std::vector<embedder::Encoding>> LoadedModels::Encode(
    const embedder::Encoder& encoder, absl::Span<const std::string_view> texts,
    const embedder::EncodeOptions& options, const embedder::CallControl& control) const {
  if (texts.size() > kMostCachedTexts) return encoder.Encode(texts, options, control);
  std::vector<std::optional<embedder::Encoding>> cached(texts.size());
  std::vector<std::string_view> missing;
  for (size_t i = 0; i < texts.size(); ++i) {
    cached[i] = cache_.Find({&encoder, options, std::string(texts[i])});
    if (!cached[i]) missing.push_back(texts[i]);
  }
  auto encoded = encoder.Encode(missing, options, control);
  // What is wrong with a text is told by its position: that among all of them.
  if (absl::IsInvalidArgument(encoded.status())) return encoder.Encode(texts, options, control);
  if (!encoded.ok()) return encoded.status();
  std::vector<embedder::Encoding> encodings;
  encodings.reserve(texts.size());
  auto next = encoded->begin();
  for (size_t i = 0; i < texts.size(); ++i) {
    if (auto& found = cached[i]) {
      encodings.push_back(*std::move(found));
      continue;
    }
    cache_.Insert({&encoder, options, std::string(texts[i])}, *next);
    encodings.push_back(std::move(*next++));
  }
  return encodings;
}

absl::StatusOr<ModelInfo> LoadedModels::Model(std::string_view name) const {
  auto encoder = Resolve(name);
  if (!encoder.ok()) return encoder.status();
  return ToModelInfo((*encoder)->info());
}

absl::StatusOr<const embedder::Encoder*> LoadedModels::EncoderFor(
    const EmbedOptions& options) const {
  auto encoder = Resolve(options.model);
  if (!encoder.ok()) return encoder.status();
  const embedder::ModelInfo& model = (*encoder)->info();
  auto status = CheckDimensions(model, options.dimensions);
  if (status.ok() && options.adaptor != nullptr) {
    status = CheckAdaptor(*options.adaptor, model.dimensions, model.name, model.identity);
  }
  if (!status.ok()) return status;
  return encoder;
}

absl::StatusOr<std::vector<Embedding>> LoadedModels::Embed(const std::vector<std::string>& texts,
                                                           const EmbedOptions& options) const {
  auto encoder = EncoderFor(options);
  if (!encoder.ok()) return encoder.status();
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto control = ToControl(PriorityOf(options, texts.size()), options.limits);
  auto encodings = Encode(**encoder, views, ToEncodeOptions(options), control);
  if (!encodings.ok()) return encodings.status();
  return ToEmbeddings(*std::move(encodings), (*encoder)->info(), options);
}

absl::StatusOr<std::vector<Embedding>> LoadedModels::EmbedTokens(
    const std::vector<std::vector<int32_t>>& ids, const EmbedOptions& options) const {
  auto encoder = EncoderFor(options);
  if (!encoder.ok()) return encoder.status();
  embedder::TokenBatch batch;
  for (const auto& sequence : ids) {
    batch.ids.insert(batch.ids.end(), sequence.begin(), sequence.end());
    batch.offsets.push_back(batch.ids.size());
  }
  const auto control = ToControl(PriorityOf(options, ids.size()), options.limits);
  auto encodings = (*encoder)->EncodeTokens(batch, ToEncodeOptions(options), control);
  if (!encodings.ok()) return encodings.status();
  return ToEmbeddings(*std::move(encodings), (*encoder)->info(), options);
}

absl::StatusOr<const embedder::Encoder*> TextBatch::EncoderFor(const Text& text, Slot slot) const {
  const SlotDefinition& target = definition_.slots[slot];
  if (text.model.empty() && !target.model_identity.empty()) {
    if (const auto* bound = models_.FindIdentity(target.model_identity)) return bound;
    return absl::FailedPreconditionError(
        fmt::format("collection '{}' was embedded with model '{}' ({}), which is not loaded",
                    definition_.name, target.model, target.model_identity.substr(0, 8)));
  }
  auto encoder = models_.Resolve(text.model);
  if (!encoder.ok()) return encoder.status();
  const embedder::ModelInfo& info = (*encoder)->info();
  if (!target.model_identity.empty() && target.model_identity != info.identity) {
    return absl::FailedPreconditionError(fmt::format(
        "collection '{}' was embedded with model '{}' ({}); vectors of '{}' ({}) can't be compared "
        "with its vectors",
        definition_.name, target.model, target.model_identity.substr(0, 8), info.name,
        info.identity.substr(0, 8)));
  }
  return encoder;
}

absl::StatusOr<size_t> TextBatch::Add(const Text& text, Slot slot, TextType type) {
  if (text.chunk) {
    return absl::InvalidArgumentError(
        "'chunk' makes points of a document that is upserted; a query, or a vector that is "
        "replaced, is one text");
  }
  auto encoder = EncoderFor(text, slot);
  if (!encoder.ok()) return encoder.status();
  const embedder::ModelInfo& info = (*encoder)->info();
  const SlotDefinition& target = definition_.slots[slot];
  if (target.config.size > info.dimensions) {
    return absl::InvalidArgumentError(
        fmt::format("vector '{}' has {} dimensions, model '{}' gives only {}", target.name,
                    target.config.size, info.name, info.dimensions));
  }
  const auto [bound, added] = bindings_.try_emplace(slot, ModelBinding{info.name, info.identity});
  if (!added && bound->second.identity != info.identity) {
    return absl::InvalidArgumentError(
        fmt::format("one request uses models '{}' and '{}' for the same vector",
                    bound->second.model, info.name));
  }
  const size_t ticket = results_.size();
  const auto group =
      groups_
          .try_emplace({*encoder, type, text.prefix, target.config.size, text.truncate}, Members())
          .first;
  group->second.texts.emplace_back(text.text);
  group->second.tickets.push_back(ticket);
  results_.push_back({&group->first, {}});
  return ticket;
}

absl::StatusOr<std::vector<embedder::TextSpan>> TextBatch::Split(const Text& text, Slot slot,
                                                                 size_t most,
                                                                 const CallLimits& limits) const {
  auto encoder = EncoderFor(text, slot);
  if (!encoder.ok()) return encoder.status();
  const Chunking chunk = text.chunk.value_or(Chunking());
  if (chunk.max_tokens < 1 || chunk.overlap < 0 || chunk.overlap >= chunk.max_tokens) {
    return absl::InvalidArgumentError(
        fmt::format("max_tokens: {}, overlap: {}, expected max_tokens to be at least 1 and overlap "
                    "to be at least 0 and less than max_tokens",
                    chunk.max_tokens, chunk.overlap));
  }
  embedder::EncodeOptions options;
  options.prefix = text.prefix;
  return (*encoder)->SplitText(text.text,
                               {.max_tokens = static_cast<size_t>(chunk.max_tokens),
                                .overlap = static_cast<size_t>(chunk.overlap),
                                .max_chunks = most},
                               options, ToControl(embedder::Priority::kBulk, limits));
}

embedder::EncodeOptions TextBatch::OptionsOf(const Group& group) {
  embedder::EncodeOptions options;
  options.type = ToTextType(group.type);
  options.truncate = group.truncate;
  options.prefix = group.prefix;
  options.dimensions = group.dimensions;
  return options;
}

absl::Status TextBatch::Run(NameText name, embedder::Priority priority, const CallLimits& limits) {
  const embedder::CallControl control = ToControl(priority, limits);
  for (const auto& [group, members] : groups_) {
    for (size_t i = 0; i < members.texts.size(); ++i) {
      if (!members.texts[i].empty()) continue;
      return absl::InvalidArgumentError(
          fmt::format("{}: the text must not be empty", name(members.tickets[i])));
    }
    const embedder::EncodeOptions options = OptionsOf(group);
    auto encodings = models_.Encode(*group.encoder, members.texts, options, control);
    if (absl::IsInvalidArgument(encodings.status())) {
      if (const auto refused = FindRefused(*group.encoder, options, members.texts)) {
        const size_t ticket = members.tickets[refused->index];
        return absl::InvalidArgumentError(fmt::format("{}: {}", name(ticket), refused->reason));
      }
    }
    if (!encodings.ok()) return encodings.status();
    for (size_t i = 0; i < members.tickets.size(); ++i) {
      results_[members.tickets[i]].encoding = std::move((*encodings)[i]);
    }
  }
  return absl::OkStatus();
}

ModelUsage TextBatch::usage(size_t ticket) const {
  const auto& [group, encoding] = results_[ticket];
  const embedder::ModelInfo& info = group->encoder->info();
  const std::string& own =
      group->type == TextType::kQuery ? info.query_prefix : info.document_prefix;
  return {.model = info.name,
          .identity = info.identity,
          .prefix = group->prefix.value_or(own),
          .max_tokens = info.max_tokens,
          .texts = 1,
          .tokens = static_cast<uint64_t>(encoding.tokens),
          .truncated = encoding.truncated ? uint64_t{1} : 0};
}

std::vector<ModelUsage> TextBatch::Usage() const {
  std::map<std::pair<std::string, std::string>, ModelUsage> sums;
  for (size_t ticket = 0; ticket < results_.size(); ++ticket) {
    ModelUsage one = usage(ticket);
    const auto [sum, added] = sums.try_emplace({one.identity, one.prefix}, one);
    if (added) continue;
    sum->second.texts += one.texts;
    sum->second.tokens += one.tokens;
    sum->second.truncated += one.truncated;
  }
  std::vector<ModelUsage> usages;
  usages.reserve(sums.size());
  for (auto& [key, sum] : sums) usages.push_back(std::move(sum));
  return usages;
}

}  // namespace engine
}  // namespace vecnest
