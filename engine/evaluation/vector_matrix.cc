#include "engine/evaluation/vector_matrix.h"

#include <algorithm>
#include <cstdint>

#include "engine/vector_adaptor.h"
#include "fmt/format.h"
#include "index/quantizer.h"
#include "index/scorer.h"
#include "index/value_format.h"

namespace vecnest::engine::evaluation {
namespace {

int CodeBits(VectorCodes codes) {
  switch (codes) {
    case VectorCodes::kInt8:
      return 8;
    case VectorCodes::kInt4:
      return 4;
    case VectorCodes::kBinary:
      return 1;
    case VectorCodes::kF32:
    case VectorCodes::kF16:
    case VectorCodes::kBf16:
      break;
  }
  return 0;
}

void RoundTripThroughCodes(const index::CodeFormat& format, VectorMatrix& vectors) {
  const std::vector<float> inverse_norms = InverseNorms(vectors);
  index::Rows rows;
  rows.count = vectors.count();
  rows.stride = vectors.width;
  rows.inverse_norms = inverse_norms.data();
  rows.vectors = vectors.values.data();
  const auto quantizer = index::Quantizer::Fit(rows, vectors.width, format);
  std::vector<uint8_t> code(format.Bytes(vectors.width));
  for (size_t i = 0; i < vectors.count(); ++i) {
    const absl::Span<float> row = vectors.Row(i);
    quantizer.Encode(row.data(), inverse_norms[i], code.data());
    quantizer.Decode(code.data(), row);
  }
}

}  // namespace

VectorMatrix CutTo(const VectorMatrix& vectors, size_t width, bool normalize) {
  if (width == vectors.width) return vectors;
  VectorMatrix cut = {width, std::vector<float>(vectors.count() * width)};
  for (size_t i = 0; i < vectors.count(); ++i) {
    const absl::Span<float> row = cut.Row(i);
    std::copy_n(vectors.Row(i).data(), width, row.data());
    if (normalize) ScaleToUnit(row);
  }
  return cut;
}

VectorMatrix Normalized(const VectorMatrix& vectors) {
  VectorMatrix scaled = vectors;
  for (size_t i = 0; i < scaled.count(); ++i) ScaleToUnit(scaled.Row(i));
  return scaled;
}

absl::Status StoreAs(VectorCodes codes, bool normalized, bool principal_axes,
                     VectorMatrix& vectors) {
  if (codes == VectorCodes::kF32 || vectors.values.empty()) return absl::OkStatus();
  if (const int bits = CodeBits(codes); bits > 0) {
    RoundTripThroughCodes({bits, normalized, bits == 1 && principal_axes}, vectors);
    return absl::OkStatus();
  }
  const auto format =
      codes == VectorCodes::kF16 ? index::ValueFormat::kF16 : index::ValueFormat::kBf16;
  if (index::RoundTo(format, absl::MakeSpan(vectors.values))) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("codes {}: a component is beyond the numbers of this format; bf16 has the range "
                  "of f32",
                  VectorCodesName(codes)));
}

std::vector<float> InverseNorms(const VectorMatrix& vectors) {
  std::vector<float> norms(vectors.count());
  for (size_t i = 0; i < norms.size(); ++i) norms[i] = index::InverseNorm(vectors.Row(i));
  return norms;
}

}  // namespace vecnest::engine::evaluation
