// Text to token ids, whatever the algorithm.
#ifndef VECNEST_EMBEDDER_TOKENIZER_H_
#define VECNEST_EMBEDDER_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace vecnest::embedder {

// What a network wants to read of a text.
struct TokenizerUse {
  bool special_tokens = true;  // put the model's special tokens before and after it
  bool unknown_tokens = true;  // keep the token of what the vocabulary cannot express
};

// Implementations are immutable; any thread may use them.
class Tokenizer {
 public:
  struct Traits {
    std::vector<int32_t> before;  // put before every text; may be empty
    std::vector<int32_t> after;
    // Left out of every sequence, after a limit has counted it.
    std::optional<int32_t> dropped_id = std::nullopt;
    int32_t vocabulary_size = 0;  // one more than the largest id
  };

  virtual ~Tokenizer() = default;

  virtual const Traits& traits() const = 0;

  // Appends the ids of `text`, which must be valid UTF-8, without those before and after it. Stops
  // after `max_tokens` ids; returns whether some were left off.
  virtual bool Tokenize(std::string_view text, size_t max_tokens,
                        std::vector<int32_t>* ids) const = 0;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_TOKENIZER_H_
