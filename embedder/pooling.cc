#include "embedder/pooling.h"

#include "embedder/kernels/elementwise.h"

namespace vecnest::embedder {

std::string_view PoolingName(Pooling pooling) {
  switch (pooling) {
    case Pooling::kMean:
      return "mean";
    case Pooling::kCls:
      return "cls";
    case Pooling::kMax:
      return "max";
  }
  return "";
}

std::vector<float> PoolTokens(Pooling pooling, const float* rows, size_t tokens, size_t width,
                              size_t dimensions, bool normalize) {
  if (tokens == 0) return std::vector<float>(dimensions);
  std::vector<float> vector(rows, rows + width);
  if (pooling == Pooling::kMean) kernels::MeanOfRows(rows, tokens, width, vector.data());
  if (pooling == Pooling::kMax) kernels::MaxOfRows(rows, tokens, width, vector.data());
  vector.resize(dimensions);
  if (normalize) kernels::ScaleToUnitLength(vector.data(), vector.size());
  return vector;
}

}  // namespace vecnest::embedder
