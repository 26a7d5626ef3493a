#include "embedder/static_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

constexpr int64_t kMostExtent = 1 << 30;
constexpr int64_t kDefaultMaxLength = 512;

struct Buffers : Architecture::Workspace {
  std::vector<float> rows;
};

struct Tensors {
  FloatTensor rows;
  std::vector<int64_t> mapping;  // empty: token i has row i
  FloatTensor weights;           // empty: all are 1
};

class StaticTable : public Architecture {
 public:
  StaticTable(const Shape& shape, Tensors tensors) : shape_(shape), tensors_(std::move(tensors)) {
    shape_.table_bytes = tensors_.rows.owned_bytes() + tensors_.weights.owned_bytes() +
                         tensors_.mapping.size() * sizeof(int64_t);
  }

  std::string_view name() const override { return "static"; }
  const Shape& shape() const override { return shape_; }

  std::string Settings() const override {
    return fmt::format("unknown tokens {}", shape_.reads.unknown_tokens ? "read" : "dropped");
  }

  std::unique_ptr<Workspace> NewWorkspace() const override { return std::make_unique<Buffers>(); }

  absl::Status Forward(const TokenSpan& tokens, Workspace* workspace,
                       HiddenStateSink sink) const override {
    std::vector<float>& rows = static_cast<Buffers*>(workspace)->rows;
    rows.resize(std::max(rows.size(), tokens.ids.size() * shape_.width));
    float* out = rows.data();
    for (const int32_t id : tokens.ids) {
      TokenRow(id, out);
      out += shape_.width;
    }
    sink(0, rows.data());
    return absl::OkStatus();
  }

  void TokenRow(int32_t id, float* out) const override {
    const auto token = static_cast<size_t>(id);
    const auto row =
        tensors_.mapping.empty() ? token : static_cast<size_t>(tensors_.mapping[token]);
    std::memcpy(out, tensors_.rows.data() + row * shape_.width, shape_.width * sizeof(float));
    if (tensors_.weights.values().empty()) return;
    const float weight = tensors_.weights.values()[token];
    for (size_t i = 0; i < shape_.width; ++i) out[i] *= weight;
  }

 private:
  Shape shape_;
  Tensors tensors_;
};

// The extents of a matrix, whatever they are.
absl::StatusOr<std::vector<int64_t>> MatrixShape(const SafeTensors& weights,
                                                 std::string_view name) {
  VECNEST_ASSIGN_OR_RETURN(std::vector<int64_t> shape, weights.Shape(name));
  const bool fits = shape.size() == 2 &&
                    std::all_of(shape.begin(), shape.end(),
                                [](int64_t extent) { return extent > 0 && extent <= kMostExtent; });
  if (fits) return shape;
  return absl::InvalidArgumentError(
      fmt::format("{}: tensor \"{}\": expected a matrix of 1 to {} rows and columns",
                  weights.file().path(), name, kMostExtent));
}

absl::StatusOr<std::vector<int64_t>> ReadMapping(const SafeTensors& weights, int64_t rows) {
  VECNEST_ASSIGN_OR_RETURN(const std::vector<int64_t> shape, weights.Shape("mapping"));
  if (shape.size() != 1 || shape[0] < 1 || shape[0] > kMostExtent) {
    return absl::InvalidArgumentError(
        fmt::format("{}: tensor \"mapping\": expected one row per token", weights.file().path()));
  }
  VECNEST_ASSIGN_OR_RETURN(std::vector<int64_t> mapping, weights.Integers("mapping", shape));
  for (size_t i = 0; i < mapping.size(); ++i) {
    if (mapping[i] < 0 || mapping[i] >= rows) {
      return absl::InvalidArgumentError(
          fmt::format("{}: tensor \"mapping\": token {}: expected a row below {}, found {}",
                      weights.file().path(), i, rows, mapping[i]));
    }
  }
  return mapping;
}

absl::StatusOr<size_t> MaxLength(const Json& config) {
  constexpr auto kMost = static_cast<int64_t>(kMostStaticTokens);
  if (config.IsNull("max_length")) return kMostStaticTokens;
  VECNEST_ASSIGN_OR_RETURN(const int64_t length, config.GetInt("max_length", kDefaultMaxLength));
  if (length < 1) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: field \"max_length\": expected a positive number, found {}", config.name(), length));
  }
  return static_cast<size_t>(std::min(length, kMost));
}

absl::StatusOr<std::unique_ptr<const Architecture>> CreateModel2Vec(const Json& config,
                                                                    const SafeTensors& weights) {
  VECNEST_ASSIGN_OR_RETURN(const std::vector<int64_t> extents, MatrixShape(weights, "embeddings"));
  Tensors tensors;
  VECNEST_ASSIGN_OR_RETURN(tensors.rows, weights.Floats("embeddings", extents));
  int64_t tokens = extents[0];
  if (weights.Contains("mapping")) {
    VECNEST_ASSIGN_OR_RETURN(tensors.mapping, ReadMapping(weights, extents[0]));
    tokens = static_cast<int64_t>(tensors.mapping.size());
  }
  if (weights.Contains("weights")) {
    VECNEST_ASSIGN_OR_RETURN(tensors.weights, weights.Floats("weights", {tokens}));
  }
  Architecture::Shape shape;
  shape.width = static_cast<size_t>(extents[1]);
  shape.vocabulary = static_cast<size_t>(tokens);
  VECNEST_ASSIGN_OR_RETURN(shape.max_tokens, MaxLength(config));
  shape.reads = {.special_tokens = false, .unknown_tokens = false};
  shape.token_rows = static_cast<size_t>(extents[0]);
  shape.token_table_bytes = weights.StoredBytes("embeddings");
  return std::make_unique<const StaticTable>(shape, std::move(tensors));
}

}  // namespace

std::unique_ptr<const Architecture> NewStaticTable(FloatTensor rows, size_t width,
                                                   size_t stored_bytes) {
  Architecture::Shape shape;
  shape.width = width;
  shape.vocabulary = rows.values().size() / width;
  shape.max_tokens = kMostStaticTokens;
  shape.reads = {.special_tokens = false};
  shape.token_rows = shape.vocabulary;
  shape.token_table_bytes = stored_bytes;
  Tensors tensors;
  tensors.rows = std::move(rows);
  return std::make_unique<const StaticTable>(shape, std::move(tensors));
}

absl::StatusOr<std::unique_ptr<const Architecture>> CreateStaticTable(const Json& config,
                                                                      const SafeTensors& weights,
                                                                      Precision /*precision*/) {
  if (weights.Contains("embeddings")) return CreateModel2Vec(config, weights);
  constexpr std::string_view kName = "embedding.weight";
  VECNEST_ASSIGN_OR_RETURN(const std::vector<int64_t> extents, MatrixShape(weights, kName));
  VECNEST_ASSIGN_OR_RETURN(FloatTensor rows, weights.Floats(kName, extents));
  return NewStaticTable(std::move(rows), static_cast<size_t>(extents[1]),
                        weights.StoredBytes(kName));
}

}  // namespace vecnest::embedder
