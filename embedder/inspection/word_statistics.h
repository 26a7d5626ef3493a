// Which words of a corpus break into many tokens, or read rows that the corpus seldom reads.
#ifndef VECNEST_EMBEDDER_INSPECTION_WORD_STATISTICS_H_
#define VECNEST_EMBEDDER_INSPECTION_WORD_STATISTICS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "embedder/encoder.h"
#include "embedder/string_map.h"

namespace vecnest::embedder {

struct WordUse {
  std::string word;
  uint64_t count = 0;
  std::vector<int32_t> ids;  // its tokens; none where a table does not know it
  // Of its tokens, the one that the corpus reads least (of equal ones that of the largest id), and
  // how often that is.
  int32_t rarest = -1;
  uint64_t rarest_count = 0;
};

// Tokens whose rows the corpus reads from `least` to `most` times.
struct FrequencyBand {
  uint64_t least = 0;
  uint64_t most = 0;
  size_t tokens = 0;
  double mean_norm = 0;  // of their rows
};

struct CorpusUse {
  uint64_t texts = 0;
  uint64_t words = 0;  // running words
  uint64_t distinct_words = 0;
  uint64_t tokens = 0;                    // that the running words have
  uint64_t unknown_words = 0;             // running words with an unknown or no token
  std::vector<uint64_t> words_by_pieces;  // [p]: running words of p tokens
  std::vector<WordUse> broken;            // most tokens first, of these the most frequent first
  // Whose rarest token is read least; of these the largest ids first, as vocabularies list the
  // words of their own training corpus by frequency.
  std::vector<WordUse> rare;
  std::vector<FrequencyBand> bands;
};

// Counts words of texts; Finish looks at their tokens. Memory grows with the distinct words. A word
// is what stands between blanks and ASCII punctuation, but for hyphens and apostrophes inside it;
// in lower case where the tokenizer makes no difference. Not thread-safe.
class WordStatistics {
 public:
  // `encoder` outlives it.
  explicit WordStatistics(const Encoder& encoder);

  // InvalidArgument: not UTF-8.
  absl::Status Add(std::string_view text);
  // `limit`: words in each list, of those that occur `least_count` times.
  CorpusUse Finish(size_t limit, uint64_t least_count) const;

 private:
  std::vector<int32_t> TokensOf(std::string_view word) const;
  std::vector<FrequencyBand> Bands(const std::vector<uint64_t>& counts) const;

  const Encoder& encoder_;
  bool folds_case_ = false;
  int32_t unknown_ = -1;  // the token of what the vocabulary cannot express
  uint64_t texts_ = 0;
  StringMap<std::string, uint64_t> counts_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_INSPECTION_WORD_STATISTICS_H_
