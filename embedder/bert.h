// BERT encoder (Devlin et al. 2018, post-layer-norm, absolute positions, exact GELU).
#ifndef VECNEST_EMBEDDER_BERT_H_
#define VECNEST_EMBEDDER_BERT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "embedder/architecture.h"
#include "embedder/json.h"
#include "embedder/precision.h"
#include "embedder/safetensors.h"

namespace vecnest::embedder {

// Reads hyperparameters from config.json and tensors by Hugging Face's names, with or without a
// "bert." before them. The pooler's and other heads' tensors are not read. InvalidArgument,
// naming file and field or tensor, for what is missing, misshapen or of another kind (hidden_act
// other than "gelu", relative positions).
absl::StatusOr<std::unique_ptr<const Architecture>> CreateBert(const Json& config,
                                                               const SafeTensors& weights,
                                                               Precision precision);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_BERT_H_
