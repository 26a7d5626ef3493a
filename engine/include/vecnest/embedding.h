// Text to vectors without a collection.
#ifndef VECNEST_EMBEDDING_H_
#define VECNEST_EMBEDDING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vecnest/types.h"

namespace vecnest {

// Models trained with prefixes put a different one before queries and documents.
enum class TextType { kDocument, kQuery };

struct ModelInfo {
  std::string name;
  std::string directory;
  std::string architecture;
  int dimensions = 0;
  int layers = 0;
  int max_tokens = 0;
  std::string pooling;
  bool normalized = false;
  std::string query_prefix;
  std::string document_prefix;
  // Hash of weights, tokenizer, pooling and prompts.
  std::string identity;
};

struct EmbedOptions {
  std::string model;  // empty: the default model
  TextType type = TextType::kDocument;
  int dimensions = 0;  // 0: the model's width; else a prefix of it, renormalised
  // False: a text longer than the model reads is an InvalidArgument that names it.
  bool truncate = false;
  std::optional<std::string> prefix;  // replaces the model's own
};

struct Embedding {
  std::vector<float> vector;
  int tokens = 0;  // as read by the model, special tokens included
  bool truncated = false;
};

}  // namespace vecnest

#endif  // VECNEST_EMBEDDING_H_
