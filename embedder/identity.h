// What makes two models the same.
#ifndef VECNEST_EMBEDDER_IDENTITY_H_
#define VECNEST_EMBEDDER_IDENTITY_H_

#include <string>
#include <string_view>

#include "embedder/architecture.h"
#include "embedder/mapped_file.h"
#include "embedder/model_config.h"
#include "embedder/tokenizer_files.h"

namespace vecnest::embedder {

// Hex XXH3-128 over everything that decides which vector a text gets: the network's kind and
// settings, the weight file's bytes, the tokenizer's vocabulary and settings, pooling,
// normalisation, length limit and prompts. Not over names and paths. Reads the whole weight file
// (about 10 GB/s once it is in memory). The value is stored with collections, so the order and form
// of what is hashed must not change.
std::string ModelIdentity(const Architecture& architecture, const MappedFile& weights,
                          const TokenizerSpec* tokenizer, const ModelConfig& config,
                          int max_tokens);

// Hex XXH3-128 of some bytes.
std::string ContentIdentity(std::string_view bytes);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_IDENTITY_H_
