// Character rules of BERT's text preparation, exactly as Hugging Face's `tokenizers` applies
// them.
//
// That library mixes tables of three Unicode versions: general categories of 8.0, canonical
// decomposition and combining classes of 9.0, lower case of 17.0. ICU answers here, corrected to
// those versions by a character's age and a short list of characters whose category changed
// later. tests/e2e/test_tokenizer_fuzz.py compares every code point.
#ifndef VECNEST_EMBEDDER_UNICODE_RULES_H_
#define VECNEST_EMBEDDER_UNICODE_RULES_H_

#include <array>
#include <cstddef>

namespace vecnest::embedder {

// Code points that one character turns into; `size` of them are set. Four is the longest full
// canonical decomposition.
struct CodePoints {
  std::array<char32_t, 4> values = {};
  size_t size = 0;
};

// Control, format and private-use characters, NUL and U+FFFD, but not tab, LF and CR.
bool IsRemovedByCleaning(char32_t c);

// White_Space, which includes tab, LF and CR.
bool IsWhitespace(char32_t c);

// The ideograph blocks that become words of their own (not kana, not Hangul).
bool IsCjkIdeograph(char32_t c);

// Category Mn: what accent stripping removes after decomposition.
bool IsNonspacingMark(char32_t c);

// ASCII symbols and punctuation, and the P categories elsewhere.
bool IsPunctuation(char32_t c);

// 0 for starters; characters of other classes are sorted by it between starters.
int CombiningClass(char32_t c);

// Full canonical decomposition, not yet reordered. A character without one gives itself.
CodePoints Decompose(char32_t c);

// Lower case without regard to context or language.
CodePoints LowerCase(char32_t c);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_UNICODE_RULES_H_
