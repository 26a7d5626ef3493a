// From a path to the parts of a model, checked against each other.
#ifndef VECNEST_EMBEDDER_MODEL_LOADER_H_
#define VECNEST_EMBEDDER_MODEL_LOADER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "embedder/architecture.h"
#include "embedder/encoder.h"
#include "embedder/pooling.h"
#include "embedder/precision.h"
#include "embedder/tokenizer.h"

namespace vecnest::embedder {

struct LoadedModel {
  ModelInfo info;
  Pooling pooling = Pooling::kMean;
  std::unique_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<const Architecture> architecture;
};

// Reads what Encoder::Load takes: a directory, or a file that is a table of words.
absl::StatusOr<LoadedModel> LoadModel(const std::string& path, Precision precision);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_MODEL_LOADER_H_
