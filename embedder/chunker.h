// Cuts a long text into chunks that a model reads whole. Knows no tokenizer: it asks how many
// tokens a piece has.
#ifndef VECNEST_EMBEDDER_CHUNKER_H_
#define VECNEST_EMBEDDER_CHUNKER_H_

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

namespace vecnest::embedder {

// Bytes [begin, end) of a text.
struct TextSpan {
  size_t begin = 0;
  size_t end = 0;
  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};

struct ChunkLimits {
  size_t max_tokens = 0;  // of a chunk, with everything that the model reads beside the text
  size_t overlap = 0;     // tokens of the chunk before that are repeated, at most
  size_t max_chunks = 0;
};

// Tokens the model reads for a text: prefix and special tokens included. A count that exceeds
// ChunkLimits::max_tokens need not be exact. Nearly additive over words for the chunks to be full;
// what it says of a whole chunk is what counts.
using CountTokens = absl::FunctionRef<size_t(std::string_view text)>;

// The chunks of `text`, which must be valid UTF-8, in order; nothing when there would be more than
// max_chunks. Together they hold every byte, and without the overlap they hold it once. Chunks end
// between words, at the end of a sentence when one is near; a word longer than a chunk is cut
// between characters. A text that fits is one chunk, as is an empty one.
//
// No chunk has more than max_tokens, provided that a single character does not. Time is linear in
// the text for a given max_tokens and overlap.
std::optional<std::vector<TextSpan>> SplitIntoChunks(std::string_view text,
                                                     const ChunkLimits& limits, CountTokens count);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_CHUNKER_H_
