// One word in several sentences: what its vector owes to them.
#ifndef VECNEST_EMBEDDER_INSPECTION_WORD_CONTEXT_H_
#define VECNEST_EMBEDDER_INSPECTION_WORD_CONTEXT_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/call_control.h"
#include "embedder/encoder.h"

namespace vecnest::embedder {

// Tokens begin .. end - 1 of a sequence.
struct TokenRange {
  size_t begin = 0;
  size_t end = 0;
};

struct WordInLayer {
  // Row-major [sentences, sentences]: cosine of the word's vectors, each the mean of the states of
  // its tokens.
  std::vector<double> cosines;
  // What to compare with: the mean cosine between tokens of different sentences, whatever they are
  // (Ethayarajh 2019).
  double baseline = 0;
};

struct WordInContext {
  TokenBatch batch;                 // the sentences
  std::vector<TokenRange> places;   // where the word is in each
  std::vector<WordInLayer> layers;  // 0 .. last
  std::vector<double> table;        // as `cosines`, of the rows that are looked up
};

// The first occurrence of `word` in each sentence counts: whole, ASCII letters of either case
// alike. InvalidArgument, naming the sentence, where it does not occur, lies behind what the model
// reads, or what Encoder::Tokenize refuses.
absl::StatusOr<WordInContext> CompareContexts(const Encoder& encoder, std::string_view word,
                                              absl::Span<const std::string_view> sentences,
                                              const EncodeOptions& options,
                                              const CallControl& control);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_INSPECTION_WORD_CONTEXT_H_
