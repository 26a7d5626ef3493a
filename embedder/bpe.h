// Byte-pair encoding (Sennrich et al. 2016) over characters with byte fallback, as Llama-2's
// tokenizer and its like use it. Gives the ids that Hugging Face's `tokenizers` gives.
#ifndef VECNEST_EMBEDDER_BPE_H_
#define VECNEST_EMBEDDER_BPE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "embedder/added_tokens.h"
#include "embedder/string_map.h"
#include "embedder/tokenizer.h"

namespace vecnest::embedder {

// What a tokenizer is made of; tokenizer_files.h reads it from a model directory.
struct BpeSpec {
  // One step of normalisation; they run in order on each stretch of text between added tokens.
  struct Step {
    std::string from;  // replaced everywhere; empty: `to` is put before a stretch that is not empty
    std::string to;
  };

  TokenList vocabulary;
  TokenList added_tokens;                                   // found before anything is normalised
  std::vector<std::pair<std::string, std::string>> merges;  // in order of priority
  std::vector<Step> normalizer;
  std::string unknown_token;   // of characters that are not in the vocabulary; empty: left out
  bool fuse_unknown = false;   // one for a run of them
  bool byte_fallback = false;  // they become the tokens "<0x00>" to "<0xFF>" of their bytes
  bool drop_unknown = false;
  std::vector<std::string> before;  // tokens before and after every text
  std::vector<std::string> after;
};

class BpeTokenizer final : public Tokenizer {
 public:
  // InvalidArgument when a token that is named is missing (special, byte, or part or result of a
  // merge), an id is negative or the vocabulary is empty.
  static absl::StatusOr<BpeTokenizer> Create(const BpeSpec& spec);

  const Traits& traits() const override { return traits_; }
  using Tokenizer::Tokenize;
  bool Tokenize(std::string_view text, size_t max_tokens, std::vector<int32_t>* ids,
                GoOn go_on) const override;
  int32_t IdOf(std::string_view token) const override;
  void ForEachToken(TokenSink sink) const override;

 private:
  struct Merge {
    int32_t rank;
    int32_t id;  // of the two joined
  };
  struct Symbol;
  class Queue;

  explicit BpeTokenizer(const BpeSpec& spec);
  absl::Status ReadSpecialTokens(const BpeSpec& spec);
  absl::Status ReadMerges(const BpeSpec& spec);
  const Merge* FindMerge(int32_t left, int32_t right) const;
  std::string Normalize(std::string_view text) const;
  std::vector<Symbol> Characters(std::string_view word) const;
  void AppendWord(std::string_view word, std::vector<int32_t>* ids) const;

  AddedTokens added_tokens_;
  std::vector<BpeSpec::Step> normalizer_;
  StringMap<std::string, int32_t> vocabulary_;
  absl::flat_hash_map<uint64_t, Merge> merges_;
  std::array<int32_t, 256> byte_ids_ = {};
  bool byte_fallback_;
  bool fuse_unknown_;
  int32_t unknown_id_ = -1;
  // No merge reaches across the beginning of a word, so words can be taken one by one.
  bool splits_words_ = false;
  Traits traits_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_BPE_H_
