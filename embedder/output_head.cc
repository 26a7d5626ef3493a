#include "embedder/output_head.h"

#include <string_view>
#include <vector>

#include "embedder/kernels/elementwise.h"
#include "embedder/matrix_product.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

constexpr std::string_view kDense = "cls.predictions.transform.dense.weight";
constexpr std::string_view kDecoder = "cls.predictions.decoder.weight";
constexpr std::string_view kBias = "cls.predictions.bias";
constexpr std::string_view kDecoderBias = "cls.predictions.decoder.bias";

// `rows` times the same values.
void FillRows(absl::Span<const float> values, size_t rows, float* out) {
  for (size_t r = 0; r < rows; ++r)
    std::copy(values.begin(), values.end(), out + r * values.size());
}

}  // namespace

absl::Status OutputHead::ReadTransform(const SafeTensors& weights) {
  const auto width = static_cast<int64_t>(network_.width);
  const auto tokens = static_cast<int64_t>(vocabulary());
  VECNEST_ASSIGN_OR_RETURN(dense_, weights.Floats(kDense, {width, width}));
  VECNEST_ASSIGN_OR_RETURN(dense_bias_,
                           weights.Floats("cls.predictions.transform.dense.bias", {width}));
  VECNEST_ASSIGN_OR_RETURN(norm_scale_,
                           weights.Floats("cls.predictions.transform.LayerNorm.weight", {width}));
  VECNEST_ASSIGN_OR_RETURN(norm_shift_,
                           weights.Floats("cls.predictions.transform.LayerNorm.bias", {width}));
  // Files name the one bias as either.
  const std::string_view bias = weights.Contains(kBias) ? kBias : kDecoderBias;
  VECNEST_ASSIGN_OR_RETURN(bias_, weights.Floats(bias, {tokens}));
  if (weights.Contains(kDecoder)) {
    VECNEST_ASSIGN_OR_RETURN(decoder_, weights.Floats(kDecoder, {tokens, width}));
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputHead> OutputHead::Create(const SafeTensors& weights, const Network& network) {
  OutputHead head(network);
  if (!weights.Contains(kDense) || head.ReadTransform(weights).ok()) return head;
  // Embedding does without: a head of other names or another vocabulary is none.
  return OutputHead(network);
}

size_t OutputHead::multiply_adds() const {
  return network_.table.size() + (trained() ? network_.width * network_.width : 0);
}

size_t OutputHead::owned_bytes() const {
  size_t bytes = 0;
  for (const FloatTensor* tensor :
       {&dense_, &dense_bias_, &norm_scale_, &norm_shift_, &decoder_, &bias_}) {
    bytes += tensor->owned_bytes();
  }
  return bytes;
}

absl::Status OutputHead::Score(const float* states, size_t rows, float* scores) const {
  const size_t width = network_.width;
  std::vector<float> transformed;
  if (trained()) {
    transformed.resize(rows * width);
    FillRows(dense_bias_.values(), rows, transformed.data());
    VECNEST_RETURN_IF_ERROR(Multiply({states, width, false}, {dense_.data(), width, true},
                                     {rows, width, width}, transformed.data(), width,
                                     /*accumulate=*/true));
    kernels::Gelu(transformed.data(), transformed.size());
    kernels::LayerNorm(transformed.data(), nullptr, norm_scale_.data(), norm_shift_.data(),
                       network_.epsilon, rows, width, transformed.data());
    states = transformed.data();
  }
  const size_t tokens = vocabulary();
  const bool biased = !bias_.values().empty();
  if (biased) FillRows(bias_.values(), rows, scores);
  const float* table = tied() ? network_.table.data() : decoder_.data();
  return Multiply({states, width, false}, {table, width, true}, {rows, width, tokens}, scores,
                  tokens, biased);
}

}  // namespace vecnest::embedder
