#include "embedder/model_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "embedder/identity.h"
#include "embedder/model_config.h"
#include "embedder/registry.h"
#include "embedder/safetensors.h"
#include "embedder/static_table.h"
#include "embedder/status_macros.h"
#include "embedder/tokenizer_files.h"
#include "embedder/word_lookup.h"
#include "embedder/word_table.h"

namespace vecnest::embedder {
namespace {

// What the files say about each other.
absl::Status CheckConsistency(const ModelConfig& config, const Tokenizer::Traits& tokenizer,
                              const Architecture::Shape& shape, int max_tokens) {
  if (static_cast<size_t>(tokenizer.vocabulary_size) > shape.vocabulary) {
    return absl::InvalidArgumentError(
        fmt::format("{}: the tokenizer has ids up to {}, the weights only {} tokens",
                    config.directory, tokenizer.vocabulary_size - 1, shape.vocabulary));
  }
  if (config.pooled_width && static_cast<size_t>(*config.pooled_width) != shape.width) {
    return absl::InvalidArgumentError(
        fmt::format("{}: the pooling module expects width {}, the model has {}", config.directory,
                    *config.pooled_width, shape.width));
  }
  if (shape.reads.special_tokens && config.own_max_tokens &&
      static_cast<size_t>(*config.max_tokens) > shape.max_tokens) {
    return absl::InvalidArgumentError(fmt::format(
        "{}/sentence_bert_config.json: max_seq_length is {}, the weights have positions "
        "for {} tokens",
        config.weights_directory, *config.max_tokens, shape.max_tokens));
  }
  if (static_cast<size_t>(max_tokens) <= tokenizer.before.size() + tokenizer.after.size()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {} tokens are too few", config.directory, max_tokens));
  }
  return absl::OkStatus();
}

// `tokenizer` is null for a table of words.
ModelInfo DescribeModel(const ModelConfig& config, const Architecture& architecture,
                        const MappedFile& weights, const TokenizerSpec* tokenizer, int max_tokens) {
  const Architecture::Shape& shape = architecture.shape();
  return {.name = config.name,
          .directory = config.directory,
          .architecture = std::string(architecture.name()),
          .dimensions = static_cast<int>(shape.width),
          .layers = static_cast<int>(shape.layers),
          .max_tokens = max_tokens,
          .pooling = std::string(PoolingName(config.pooling)),
          .normalized = config.normalize,
          .precision = shape.precision,
          .packed_bytes = shape.packed_bytes,
          .memory_bytes = shape.packed_bytes + shape.table_bytes,
          .mapped_bytes = weights.bytes().size(),
          .query_prefix = config.query_prefix,
          .document_prefix = config.document_prefix,
          .identity = ModelIdentity(architecture, weights, tokenizer, config, max_tokens)};
}

// Limits beside the weights are meant for networks that read special tokens: for the others
// `transformers` does not look at them either.
int MaxTokens(const ModelConfig& config, const Architecture::Shape& shape) {
  const int longest = static_cast<int>(shape.max_tokens);
  if (!shape.reads.special_tokens) return longest;
  return std::min(config.max_tokens.value_or(longest), longest);
}

absl::StatusOr<LoadedModel> LoadDirectory(const std::string& directory, Precision precision) {
  VECNEST_ASSIGN_OR_RETURN(const ModelConfig config, LoadModelConfig(directory));
  VECNEST_ASSIGN_OR_RETURN(const SafeTensors weights,
                           SafeTensors::Open(config.weights_directory + "/model.safetensors"));
  VECNEST_ASSIGN_OR_RETURN(
      std::unique_ptr<const Architecture> architecture,
      CreateArchitecture(config.architecture, config.hyperparameters, weights, precision));
  const Architecture::Shape& shape = architecture->shape();
  VECNEST_ASSIGN_OR_RETURN(TokenizerSpec spec,
                           LoadTokenizerSpec(config.weights_directory, shape.reads));
  if (auto* pieces = std::get_if<WordPieceSpec>(&spec)) {
    pieces->normalizer.lowercase = pieces->normalizer.lowercase || config.lowercase_input;
  }
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = CreateTokenizer(spec);
  if (!tokenizer.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", config.directory, std::string(tokenizer.status().message())));
  }
  const int max_tokens = MaxTokens(config, shape);
  VECNEST_RETURN_IF_ERROR(CheckConsistency(config, (*tokenizer)->traits(), shape, max_tokens));
  return LoadedModel{DescribeModel(config, *architecture, weights.file(), &spec, max_tokens),
                     config.pooling, *std::move(tokenizer), std::move(architecture)};
}

std::string NameOfFile(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);
  return std::string(path.substr(0, path.rfind('.')));
}

absl::StatusOr<LoadedModel> LoadWords(const std::string& path) {
  VECNEST_ASSIGN_OR_RETURN(WordTable table, LoadWordTable(path));
  VECNEST_ASSIGN_OR_RETURN(Json none, Json::Parse("{}", path));
  ModelConfig config = {.directory = path,
                        .name = NameOfFile(path),
                        .weights_directory = path,
                        .architecture = "",
                        .hyperparameters = std::move(none),
                        .pooled_width = std::nullopt,
                        .max_tokens = std::nullopt,
                        .query_prefix = "",
                        .document_prefix = ""};
  std::unique_ptr<const Architecture> architecture =
      NewStaticTable(FloatTensor(std::move(table.values)), table.width, table.file->bytes().size());
  ModelInfo info = DescribeModel(config, *architecture, *table.file, nullptr,
                                 static_cast<int>(architecture->shape().max_tokens));
  return LoadedModel{std::move(info), config.pooling,
                     std::make_unique<const WordLookup>(std::move(table.ids), table.file),
                     std::move(architecture)};
}

}  // namespace

absl::StatusOr<LoadedModel> LoadModel(const std::string& path, Precision precision) {
  std::error_code ignored;
  const bool file = IsWordTable(path) && !std::filesystem::is_directory(path, ignored);
  return file ? LoadWords(path) : LoadDirectory(path, precision);
}

}  // namespace vecnest::embedder
