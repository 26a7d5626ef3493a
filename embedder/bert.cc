#include "embedder/bert.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "embedder/kernels/attention.h"
#include "embedder/kernels/attention_bf16.h"
#include "embedder/kernels/elementwise.h"
#include "embedder/linear.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

// Rows that go through a block's feed-forward part together, so that its wide intermediate
// (rows x 1,536 values in MiniLM) stays in the second-level cache.
constexpr size_t kFeedForwardRows = Linear::kBlockRows;

struct Hyperparameters {
  size_t width;
  size_t layers;
  size_t heads;
  size_t intermediate;
  size_t vocabulary;
  size_t positions;
  size_t token_types;
  float epsilon;
};

struct LayerNormWeights {
  FloatTensor scale;
  FloatTensor shift;
};

size_t BytesOf(const LayerNormWeights& norm) {
  return norm.scale.owned_bytes() + norm.shift.owned_bytes();
}

struct Block {
  Linear query_key_value;  // the three projections as one, [3 * width, width]
  Linear attention_output;
  LayerNormWeights attention_norm;
  Linear intermediate;
  Linear output;
  LayerNormWeights output_norm;
};

struct Buffers : Architecture::Workspace {
  LinearContext linear;
  std::vector<float> hidden;           // [tokens, width]
  std::vector<float> query_key_value;  // [tokens, 3 * width]
  std::vector<float> context;          // [tokens, width]
  std::vector<float> intermediate;     // [kFeedForwardRows, intermediate]
  std::vector<float> projected;        // [kFeedForwardRows, width]
  std::vector<float> attention;        // one sequence at a time
};

void EnsureSize(std::vector<float>* buffer, size_t size) {
  if (buffer->size() < size) buffer->resize(size);
}

class Bert : public Architecture {
 public:
  Bert(const Hyperparameters& hyperparameters, Precision precision, FloatTensor words,
       FloatTensor positions, FloatTensor token_types, LayerNormWeights norm,
       std::vector<Block> blocks, size_t table_file_bytes, OutputHead head)
      : hyperparameters_(hyperparameters),
        shape_{.width = hyperparameters.width,
               .layers = hyperparameters.layers,
               .vocabulary = hyperparameters.vocabulary,
               .max_tokens = hyperparameters.positions,
               .precision = precision,
               .token_rows = hyperparameters.vocabulary,
               .token_table_bytes = table_file_bytes},
        precision_(precision),
        words_(std::move(words)),
        positions_(std::move(positions)),
        token_types_(std::move(token_types)),
        norm_(std::move(norm)),
        blocks_(std::move(blocks)),
        head_(std::move(head)) {
    for (const Block& block : blocks_) {
      for (const Linear* layer :
           {&block.query_key_value, &block.attention_output, &block.intermediate, &block.output}) {
        shape_.packed_bytes += layer->bytes();
      }
      shape_.table_bytes += BytesOf(block.attention_norm) + BytesOf(block.output_norm);
    }
    shape_.table_bytes += words_.owned_bytes() + positions_.owned_bytes() +
                          token_types_.owned_bytes() + BytesOf(norm_) + head_.owned_bytes();
  }

  std::string_view name() const override { return "bert"; }
  const Shape& shape() const override { return shape_; }

  std::string Settings() const override {
    return fmt::format("layers {} heads {} epsilon {:a}", hyperparameters_.layers,
                       hyperparameters_.heads, hyperparameters_.epsilon);
  }

  void TokenRow(int32_t id, float* out) const override {
    const float* row = words_.data() + static_cast<size_t>(id) * hyperparameters_.width;
    std::copy(row, row + hyperparameters_.width, out);
  }
  const OutputHead* output_head() const override { return &head_; }

  std::unique_ptr<Workspace> NewWorkspace() const override { return std::make_unique<Buffers>(); }

  absl::Status Forward(const TokenSpan& tokens, Workspace* workspace,
                       HiddenStateSink sink) const override {
    auto& buffers = *static_cast<Buffers*>(workspace);
    const SingleThreadGuard one_thread;
    buffers.linear.SetTeam(buffers.team);
    Reserve(tokens, &buffers);
    Embed(tokens, buffers.hidden.data());
    sink(0, buffers.hidden.data());
    for (size_t layer = 0; layer < blocks_.size(); ++layer) {
      VECNEST_RETURN_IF_ERROR(RunBlock(blocks_[layer], tokens, &buffers));
      sink(layer + 1, buffers.hidden.data());
    }
    return absl::OkStatus();
  }

 private:
  void Reserve(const TokenSpan& tokens, Buffers* buffers) const {
    const size_t rows = Linear::PaddedRows(tokens.ids.size());
    const size_t width = hyperparameters_.width;
    EnsureSize(&buffers->hidden, rows * width);
    EnsureSize(&buffers->query_key_value, rows * 3 * width);
    EnsureSize(&buffers->context, rows * width);
    EnsureSize(&buffers->intermediate, kFeedForwardRows * hyperparameters_.intermediate);
    EnsureSize(&buffers->projected, kFeedForwardRows * width);
    size_t longest = 0;
    for (size_t i = 0; i + 1 < tokens.offsets.size(); ++i) {
      longest = std::max(longest, tokens.offsets[i + 1] - tokens.offsets[i]);
    }
    const kernels::AttentionShape shape = HeadsOf(longest);
    EnsureSize(&buffers->attention, precision_ == Precision::kF32
                                        ? kernels::AttentionScratch(shape)
                                        : kernels::AttentionBf16Scratch(shape));
  }

  kernels::AttentionShape HeadsOf(size_t tokens) const {
    return {tokens, hyperparameters_.heads, hyperparameters_.width / hyperparameters_.heads};
  }

  // x_0 = LayerNorm(word + position + token type 0).
  void Embed(const TokenSpan& tokens, float* hidden) const {
    const size_t width = hyperparameters_.width;
    for (size_t i = 0; i + 1 < tokens.offsets.size(); ++i) {
      const size_t begin = tokens.offsets[i] - tokens.offsets[0];
      const size_t end = tokens.offsets[i + 1] - tokens.offsets[0];
      for (size_t t = begin; t < end; ++t) {
        const float* word = words_.data() + static_cast<size_t>(tokens.ids[t]) * width;
        kernels::AddThree(word, positions_.data() + (t - begin) * width, token_types_.data(), width,
                          hidden + t * width);
      }
    }
    Normalize(norm_, hidden, nullptr, tokens.ids.size(), hidden);
  }

  void Normalize(const LayerNormWeights& norm, const float* x, const float* y, size_t rows,
                 float* out) const {
    kernels::LayerNorm(x, y, norm.scale.data(), norm.shift.data(), hyperparameters_.epsilon, rows,
                       hyperparameters_.width, out);
  }

  absl::Status RunBlock(const Block& block, const TokenSpan& tokens, Buffers* buffers) const {
    const size_t width = hyperparameters_.width;
    const size_t rows = tokens.ids.size();
    float* qkv = buffers->query_key_value.data();
    VECNEST_RETURN_IF_ERROR(
        block.query_key_value.Run(buffers->hidden.data(), rows, qkv, &buffers->linear));
    const auto attend = precision_ == Precision::kF32 ? kernels::Attention : kernels::AttentionBf16;
    for (size_t i = 0; i + 1 < tokens.offsets.size(); ++i) {
      const size_t begin = tokens.offsets[i] - tokens.offsets[0];
      attend(qkv + begin * 3 * width, HeadsOf(tokens.offsets[i + 1] - tokens.offsets[i]),
             buffers->attention.data(), buffers->context.data() + begin * width);
    }
    for (size_t begin = 0; begin < rows; begin += kFeedForwardRows) {
      VECNEST_RETURN_IF_ERROR(
          FinishRows(block, begin, std::min(kFeedForwardRows, rows - begin), buffers));
    }
    return absl::OkStatus();
  }

  // Everything after attention, for some rows:
  //   h = LayerNorm(h + W_o context);  h = LayerNorm(h + W_2 GELU(W_1 h)).
  absl::Status FinishRows(const Block& block, size_t begin, size_t rows, Buffers* buffers) const {
    const size_t width = hyperparameters_.width;
    float* hidden = buffers->hidden.data() + begin * width;
    float* intermediate = buffers->intermediate.data();
    float* projected = buffers->projected.data();
    VECNEST_RETURN_IF_ERROR(block.attention_output.Run(buffers->context.data() + begin * width,
                                                       rows, projected, &buffers->linear));
    Normalize(block.attention_norm, projected, hidden, rows, hidden);
    VECNEST_RETURN_IF_ERROR(block.intermediate.Run(hidden, rows, intermediate, &buffers->linear));
    VECNEST_RETURN_IF_ERROR(block.output.Run(intermediate, rows, projected, &buffers->linear));
    Normalize(block.output_norm, projected, hidden, rows, hidden);
    return absl::OkStatus();
  }

  Hyperparameters hyperparameters_;
  Shape shape_;
  Precision precision_;
  FloatTensor words_;
  FloatTensor positions_;
  FloatTensor token_types_;
  LayerNormWeights norm_;
  std::vector<Block> blocks_;
  OutputHead head_;  // looks at words_
};

// A positive field that is small enough for products of a few of them to fit.
absl::StatusOr<size_t> Extent(const Json& config, std::string_view key) {
  VECNEST_ASSIGN_OR_RETURN(const int64_t value, config.GetInt(key));
  constexpr int64_t kLargest = 1 << 20;
  if (value < 1 || value > kLargest) {
    return absl::InvalidArgumentError(fmt::format("{}: field \"{}\": expected 1 to {}, found {}",
                                                  config.name(), key, kLargest, value));
  }
  return static_cast<size_t>(value);
}

absl::Status ExpectString(const Json& config, std::string_view key, std::string_view expected) {
  VECNEST_ASSIGN_OR_RETURN(const std::string found, config.GetString(key, expected));
  if (found == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{}: field \"{}\": expected \"{}\", found \"{}\"",
                                                config.name(), key, expected, found));
}

absl::StatusOr<Hyperparameters> ReadHyperparameters(const Json& config) {
  VECNEST_RETURN_IF_ERROR(ExpectString(config, "hidden_act", "gelu"));
  VECNEST_RETURN_IF_ERROR(ExpectString(config, "position_embedding_type", "absolute"));
  Hyperparameters result;
  VECNEST_ASSIGN_OR_RETURN(result.width, Extent(config, "hidden_size"));
  VECNEST_ASSIGN_OR_RETURN(result.layers, Extent(config, "num_hidden_layers"));
  VECNEST_ASSIGN_OR_RETURN(result.heads, Extent(config, "num_attention_heads"));
  VECNEST_ASSIGN_OR_RETURN(result.intermediate, Extent(config, "intermediate_size"));
  VECNEST_ASSIGN_OR_RETURN(result.vocabulary, Extent(config, "vocab_size"));
  VECNEST_ASSIGN_OR_RETURN(result.positions, Extent(config, "max_position_embeddings"));
  VECNEST_ASSIGN_OR_RETURN(result.token_types, Extent(config, "type_vocab_size"));
  VECNEST_ASSIGN_OR_RETURN(const double epsilon, config.GetDouble("layer_norm_eps", 1e-12));
  if (!(epsilon >= 0 && epsilon <= std::numeric_limits<float>::max())) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: field \"layer_norm_eps\": expected a finite number of at least 0, found {}",
        config.name(), epsilon));
  }
  result.epsilon = static_cast<float>(epsilon);
  if (result.width % result.heads != 0) {
    return absl::InvalidArgumentError(
        fmt::format("{}: hidden_size {} is no multiple of num_attention_heads {}", config.name(),
                    result.width, result.heads));
  }
  return result;
}

// Reads tensors by their names in the published checkpoints.
class WeightReader {
 public:
  WeightReader(const SafeTensors& weights, Precision precision)
      : weights_(weights),
        precision_(precision),
        prefix_(weights.Contains("bert.embeddings.word_embeddings.weight") ? "bert." : "") {}

  absl::StatusOr<FloatTensor> Read(std::string_view name, std::vector<size_t> shape) const {
    return weights_.Floats(fmt::format("{}{}", prefix_, name),
                           std::vector<int64_t>(shape.begin(), shape.end()));
  }

  size_t StoredBytes(std::string_view name) const {
    return weights_.StoredBytes(fmt::format("{}{}", prefix_, name));
  }

  absl::StatusOr<LayerNormWeights> ReadNorm(std::string_view name, size_t width) const {
    LayerNormWeights norm;
    VECNEST_ASSIGN_OR_RETURN(norm.scale, Read(fmt::format("{}.weight", name), {width}));
    VECNEST_ASSIGN_OR_RETURN(norm.shift, Read(fmt::format("{}.bias", name), {width}));
    return norm;
  }

  // A checkpoint with more layers than the configuration names is not the network that was trained.
  absl::Status CheckLayers(size_t layers) const {
    const std::string stem = prefix_ + "encoder.layer.";
    for (const std::string& name : weights_.Names()) {
      if (!name.starts_with(stem)) continue;
      size_t layer = 0;
      const char* end = name.data() + name.size();
      const auto number = std::from_chars(name.data() + stem.size(), end, layer);
      if (number.ec != std::errc() || layer < layers) continue;
      return absl::InvalidArgumentError(
          fmt::format("{}: tensor \"{}\": the configuration's num_hidden_layers is {}",
                      weights_.file().path(), name, layers));
    }
    return absl::OkStatus();
  }

  // One layer that gives the outputs of all the named ones, one after another.
  absl::StatusOr<Linear> ReadLinear(const std::vector<std::string>& names, size_t inputs,
                                    size_t outputs,
                                    Activation activation = Activation::kNone) const {
    std::vector<float> weights;
    std::vector<float> biases;
    for (const std::string& name : names) {
      VECNEST_ASSIGN_OR_RETURN(const FloatTensor weight, Read(name + ".weight", {outputs, inputs}));
      VECNEST_ASSIGN_OR_RETURN(const FloatTensor bias, Read(name + ".bias", {outputs}));
      weights.insert(weights.end(), weight.values().begin(), weight.values().end());
      biases.insert(biases.end(), bias.values().begin(), bias.values().end());
    }
    return Linear::Create({.inputs = inputs,
                           .outputs = outputs * names.size(),
                           .weights = weights,
                           .bias = biases,
                           .precision = precision_,
                           .activation = activation});
  }

  absl::StatusOr<Block> ReadBlock(const Hyperparameters& sizes, size_t layer) const {
    const std::string base = fmt::format("encoder.layer.{}.", layer);
    const std::string self = base + "attention.self.";
    const size_t width = sizes.width;
    VECNEST_ASSIGN_OR_RETURN(
        Linear qkv, ReadLinear({self + "query", self + "key", self + "value"}, width, width));
    VECNEST_ASSIGN_OR_RETURN(Linear attention_output,
                             ReadLinear({base + "attention.output.dense"}, width, width));
    VECNEST_ASSIGN_OR_RETURN(LayerNormWeights attention_norm,
                             ReadNorm(base + "attention.output.LayerNorm", width));
    VECNEST_ASSIGN_OR_RETURN(
        Linear intermediate,
        ReadLinear({base + "intermediate.dense"}, width, sizes.intermediate, Activation::kGelu));
    VECNEST_ASSIGN_OR_RETURN(Linear output,
                             ReadLinear({base + "output.dense"}, sizes.intermediate, width));
    VECNEST_ASSIGN_OR_RETURN(LayerNormWeights output_norm,
                             ReadNorm(base + "output.LayerNorm", width));
    return Block{std::move(qkv),          std::move(attention_output), std::move(attention_norm),
                 std::move(intermediate), std::move(output),           std::move(output_norm)};
  }

 private:
  const SafeTensors& weights_;
  Precision precision_;
  std::string prefix_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Architecture>> CreateBert(const Json& config,
                                                               const SafeTensors& weights,
                                                               Precision precision) {
  VECNEST_ASSIGN_OR_RETURN(const Hyperparameters sizes, ReadHyperparameters(config));
  const WeightReader reader(weights, precision);
  VECNEST_RETURN_IF_ERROR(reader.CheckLayers(sizes.layers));
  VECNEST_ASSIGN_OR_RETURN(FloatTensor words, reader.Read("embeddings.word_embeddings.weight",
                                                          {sizes.vocabulary, sizes.width}));
  VECNEST_ASSIGN_OR_RETURN(
      FloatTensor positions,
      reader.Read("embeddings.position_embeddings.weight", {sizes.positions, sizes.width}));
  VECNEST_ASSIGN_OR_RETURN(
      FloatTensor token_types,
      reader.Read("embeddings.token_type_embeddings.weight", {sizes.token_types, sizes.width}));
  VECNEST_ASSIGN_OR_RETURN(LayerNormWeights norm,
                           reader.ReadNorm("embeddings.LayerNorm", sizes.width));
  std::vector<Block> blocks;
  for (size_t layer = 0; layer < sizes.layers; ++layer) {
    VECNEST_ASSIGN_OR_RETURN(Block block, reader.ReadBlock(sizes, layer));
    blocks.push_back(std::move(block));
  }
  VECNEST_ASSIGN_OR_RETURN(
      OutputHead head, OutputHead::Create(weights, {words.values(), sizes.width, sizes.epsilon}));
  return std::make_unique<const Bert>(sizes, precision, std::move(words), std::move(positions),
                                      std::move(token_types), std::move(norm), std::move(blocks),
                                      reader.StoredBytes("embeddings.word_embeddings.weight"),
                                      std::move(head));
}

}  // namespace vecnest::embedder
