// WordPiece tokenizer of BERT models. Gives the ids that Hugging Face's `tokenizers` gives.
#ifndef VECNEST_EMBEDDER_WORDPIECE_H_
#define VECNEST_EMBEDDER_WORDPIECE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "embedder/added_tokens.h"
#include "embedder/tokenizer.h"
#include "embedder/trie.h"
#include "embedder/word_splitter.h"

namespace vecnest::embedder {

// What a tokenizer is made of; tokenizer_files.h reads it from a model directory.
struct WordPieceSpec {
  TokenList vocabulary;
  TokenList added_tokens;  // found before anything is normalised: "[CLS]", "[MASK]"…
  NormalizerSettings normalizer;
  std::string continuation = "##";  // put before a piece that does not begin its word
  std::string unknown_token = "[UNK]";
  bool drop_unknown = false;
  std::string first_token = "[CLS]";  // before and after every text; none when empty
  std::string last_token = "[SEP]";
};

class WordPieceTokenizer final : public Tokenizer {
 public:
  // InvalidArgument when a special token is missing, an id is negative or the vocabulary is
  // empty.
  static absl::StatusOr<WordPieceTokenizer> Create(const WordPieceSpec& spec);

  const Traits& traits() const override { return traits_; }
  using Tokenizer::Tokenize;
  bool Tokenize(std::string_view text, size_t max_tokens, std::vector<int32_t>* ids,
                GoOn go_on) const override;
  int32_t IdOf(std::string_view token) const override;
  void ForEachToken(TokenSink sink) const override;

 private:
  explicit WordPieceTokenizer(const WordPieceSpec& spec);
  void AppendWord(const WordSplitter::Word& word, std::vector<int32_t>* ids) const;

  WordSplitter splitter_;
  Trie pieces_;
  AddedTokens added_tokens_;
  Trie::Node continuation_ = Trie::kNone;  // where pieces inside a word begin
  int32_t unknown_id_ = 0;
  Traits traits_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_WORDPIECE_H_
