// The embeddings endpoint in OpenAI's dialect.
#ifndef VECNEST_NET_CODEC_OPENAI_H_
#define VECNEST_NET_CODEC_OPENAI_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "net/json_fields.h"
#include "vecnest/embedding.h"

namespace vecnest::net {

struct EmbeddingsRequest {
  // Texts, or token ids as the model's tokenizer makes them.
  std::variant<std::vector<std::string>, std::vector<std::vector<int32_t>>> input;
  EmbedOptions options;
  bool base64 = false;
};

// "input" is a string, a list of strings, a list of token ids, or a list of such lists; at most
// 2,048 of them, none empty.
EmbeddingsRequest ReadEmbeddingsRequest(const Json& body, absl::Status& status);

// An encoder's error with the item named as the request has it: "text 2 has …" becomes
// "input[2]: text 2 has …".
absl::Status NameInput(const absl::Status& status);

// Numbers, or base64 of little-endian floats.
Json WriteEmbeddings(const std::vector<Embedding>& embeddings, const ModelUsage& usage,
                     bool base64);

// What was read for the request by `model`.
ModelUsage UsageOf(const EmbeddingsRequest& request, const std::vector<Embedding>& embeddings,
                   const ModelInfo& model);

Json WriteModel(const ModelInfo& model);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_OPENAI_H_
