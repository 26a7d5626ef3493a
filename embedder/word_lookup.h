// Tokenizer of tables of whole words: finds in a text the words that the table has.
#ifndef VECNEST_EMBEDDER_WORD_LOOKUP_H_
#define VECNEST_EMBEDDER_WORD_LOOKUP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embedder/mapped_file.h"
#include "embedder/string_map.h"
#include "embedder/tokenizer.h"

namespace vecnest::embedder {

// A text is split at white space. A stretch that is a word of the table is that word ("e-mail",
// "u.s."). Else it is cut before and after every punctuation mark and CJK ideograph, and from left
// to right the longest run of up to kMostPieces pieces that is a word is taken; a piece at which
// no word begins is dropped. A table that has "n't" was counted from text in which such
// contractions are split (GloVe's): there "n't" is one piece. So "(don't)" gives "don't" where the
// table has it, else "do" and "n't", else "don" and what it has of "'t", "'" and "t".
//
// The text is lower-cased first when no word of the table has an upper-case letter; otherwise case
// counts. Nothing else is normalised: words must have the same code points.
class WordLookup final : public Tokenizer {
 public:
  static constexpr size_t kMostPieces = 16;

  // `file` holds the bytes that the words point to; null when they outlive the lookup anyway.
  WordLookup(StringMap<std::string_view, int32_t> ids, std::shared_ptr<const MappedFile> file);

  const Traits& traits() const override { return traits_; }
  using Tokenizer::Tokenize;
  bool Tokenize(std::string_view text, size_t max_tokens, std::vector<int32_t>* ids,
                GoOn go_on) const override;
  int32_t IdOf(std::string_view token) const override;
  void ForEachToken(TokenSink sink) const override;

 private:
  bool AppendStretch(std::string_view stretch, size_t most, std::vector<int32_t>* ids) const;

  std::shared_ptr<const MappedFile> file_;
  StringMap<std::string_view, int32_t> ids_;
  size_t longest_ = 0;  // bytes of the longest word
  bool lowercase_ = true;
  bool splits_contractions_ = false;
  Traits traits_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_WORD_LOOKUP_H_
