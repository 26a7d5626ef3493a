// BERT's text preparation in one pass: clean, space out ideographs, strip accents, lower-case,
// split at white space and around punctuation. Gives the words that Hugging Face's
// BertNormalizer and BertPreTokenizer give.
#ifndef VECNEST_EMBEDDER_WORD_SPLITTER_H_
#define VECNEST_EMBEDDER_WORD_SPLITTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace vecnest::embedder {

// The switches of BertNormalizer, and WordPiece's limit on a word.
struct NormalizerSettings {
  bool clean_text = true;            // drop control characters, make every white space a blank
  bool handle_chinese_chars = true;  // every CJK ideograph is a word of its own
  bool strip_accents = true;         // NFD, then drop nonspacing marks
  bool lowercase = true;
  size_t max_word_chars = 100;  // characters after normalisation
};

// Immutable; any thread may split with it.
class WordSplitter {
 public:
  struct Word {
    std::string_view text;  // normalised UTF-8, valid during the call only
    bool too_long;          // over max_word_chars; `text` is then only its beginning
  };
  // Receives the words in order; returning false ends the walk.
  using Sink = absl::FunctionRef<bool(const Word&)>;

  explicit WordSplitter(const NormalizerSettings& settings);

  // `text` must be valid UTF-8. Scratch memory: four bytes per character of the longest word
  // allowed. Returns false when the sink ended the walk.
  bool Split(std::string_view text, Sink sink) const;

 private:
  class Walk;

  enum class Kind : uint8_t { kDropped, kSpace, kPunctuation, kLetter };
  struct AsciiRule {
    Kind kind;
    char letter;  // after lower-casing
  };

  NormalizerSettings settings_;
  std::array<AsciiRule, 128> ascii_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_WORD_SPLITTER_H_
