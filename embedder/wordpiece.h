// WordPiece tokenizer of BERT models. Gives the ids that Hugging Face's `tokenizers` gives.
#ifndef VECNEST_EMBEDDER_WORDPIECE_H_
#define VECNEST_EMBEDDER_WORDPIECE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "embedder/trie.h"
#include "embedder/word_splitter.h"

namespace vecnest::embedder {

// What a tokenizer is made of; tokenizer_files.h reads it from a model directory.
struct WordPieceSpec {
  std::vector<std::pair<std::string, int32_t>> vocabulary;
  // Literals that become one id wherever they stand in the user's text, before anything is
  // normalised: "[CLS]", "[MASK]"… Of several that match, the longest wins.
  std::vector<std::pair<std::string, int32_t>> added_tokens;
  NormalizerSettings normalizer;
  std::string continuation = "##";  // put before a piece that does not begin its word
  std::string unknown_token = "[UNK]";
  std::string first_token = "[CLS]";
  std::string last_token = "[SEP]";
};

// Immutable; any thread may use it.
class WordPieceTokenizer {
 public:
  // InvalidArgument when a special token is missing, an id is negative or the vocabulary is
  // empty.
  static absl::StatusOr<WordPieceTokenizer> Create(const WordPieceSpec& spec);

  // Appends the ids of `text`, which must be valid UTF-8, without the first and last token. Stops
  // after `max_tokens` ids; returns whether some were left off.
  bool Tokenize(std::string_view text, size_t max_tokens, std::vector<int32_t>* ids) const;

  int32_t first_id() const { return first_id_; }
  int32_t last_id() const { return last_id_; }
  // One more than the largest id.
  int32_t vocabulary_size() const { return vocabulary_size_; }

 private:
  explicit WordPieceTokenizer(const WordPieceSpec& spec);
  struct AddedToken {
    size_t position;
    size_t length;
    int32_t id;
  };
  AddedToken FindAddedToken(std::string_view text, size_t from) const;
  void AppendWord(const WordSplitter::Word& word, std::vector<int32_t>* ids) const;

  WordSplitter splitter_;
  Trie pieces_;
  Trie added_tokens_;
  std::array<bool, 256> starts_added_token_ = {};
  Trie::Node continuation_ = Trie::kNone;  // where pieces inside a word begin
  int32_t unknown_id_ = 0;
  int32_t first_id_ = 0;
  int32_t last_id_ = 0;
  int32_t vocabulary_size_ = 0;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_WORDPIECE_H_
