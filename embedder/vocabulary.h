// What a model's tokens are called.
#ifndef VECNEST_EMBEDDER_VOCABULARY_H_
#define VECNEST_EMBEDDER_VOCABULARY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "embedder/tokenizer.h"

namespace vecnest::embedder {

// Immutable; any thread may use it.
class Vocabulary {
 public:
  // `tokenizer` outlives it. `size`: ids are below it; a network may have more than its tokenizer.
  Vocabulary(const Tokenizer& tokenizer, size_t size);

  size_t size() const { return texts_.size(); }
  // As the tokenizer spells it ("##ing", "▁the"; bytes that are not UTF-8 in some word2vec files).
  // Empty for an id that the tokenizer never gives.
  std::string_view TextOf(int32_t id) const { return texts_[static_cast<size_t>(id)]; }
  // Whether no text is meant by it: added tokens ("[CLS]", "<s>"), BERT's reserves "[unused0]" and
  // so on, and ids without a token.
  bool IsSpecial(int32_t id) const { return special_[static_cast<size_t>(id)]; }
  // The id of the token that reads exactly so, or -1.
  int32_t Find(std::string_view text) const { return tokenizer_.IdOf(text); }

 private:
  const Tokenizer& tokenizer_;
  std::vector<std::string> texts_;
  std::vector<bool> special_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_VOCABULARY_H_
