// Text to token ids, whatever the algorithm.
#ifndef VECNEST_EMBEDDER_TOKENIZER_H_
#define VECNEST_EMBEDDER_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

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

  // Asked now and then while a long text is read.
  using GoOn = absl::FunctionRef<bool()>;

  // Appends the ids of `text`, which must be valid UTF-8, without those before and after it. Stops
  // after `max_tokens` ids; returns whether some were left off. Once `go_on` is false what was read
  // is worth nothing.
  virtual bool Tokenize(std::string_view text, size_t max_tokens, std::vector<int32_t>* ids,
                        GoOn go_on) const = 0;
  bool Tokenize(std::string_view text, size_t max_tokens, std::vector<int32_t>* ids) const {
    return Tokenize(text, max_tokens, ids, [] { return true; });
  }

  // The id of the token that reads exactly so ("##ing", "[MASK]", a word of a table), or -1.
  virtual int32_t IdOf(std::string_view token) const = 0;

  // Every token, in no order that means anything. `added`: it was put beside the vocabulary proper,
  // as "[CLS]" and "<s>" are. `token` is valid during the call only, and comes twice, once as
  // added, where files list it twice.
  using TokenSink = absl::FunctionRef<void(std::string_view token, int32_t id, bool added)>;
  virtual void ForEachToken(TokenSink sink) const = 0;
};

// How often a tokenizer asks: after so many words.
class Pauses {
 public:
  explicit Pauses(Tokenizer::GoOn go_on) : go_on_(go_on) {}
  // After each word; false when the text is no longer wanted.
  bool GoOn() {
    if (++words_ % kWords == 0) wanted_ = wanted_ && go_on_();
    return wanted_;
  }

 private:
  static constexpr size_t kWords = 1024;
  Tokenizer::GoOn go_on_;
  size_t words_ = 0;
  bool wanted_ = true;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_TOKENIZER_H_
