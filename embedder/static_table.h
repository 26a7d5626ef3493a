// A table of token vectors without any layer: hidden state 0 is the tokens' rows.
#ifndef VECNEST_EMBEDDER_STATIC_TABLE_H_
#define VECNEST_EMBEDDER_STATIC_TABLE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "embedder/architecture.h"
#include "embedder/json.h"
#include "embedder/precision.h"
#include "embedder/safetensors.h"

namespace vecnest::embedder {

// No limit of the table itself, but of the rows that a pass gathers: 64 MB at width 256.
inline constexpr size_t kMostStaticTokens = 1 << 16;

// From a safetensors file in one of two layouts. `precision` changes nothing: there is no matrix
// product.
//
// model2vec's: "embeddings" [rows, width]; perhaps "weights" [tokens], which rows are multiplied
// by, and "mapping" [tokens], the row of each token. Unknown tokens are not read. A text is read up
// to config.json's max_length, 512 when that is missing, kMostStaticTokens when it is null.
// (model2vec also cuts a text before tokenizing it, at max_length times the median token's length;
// we do not.)
//
// sentence-transformers' and WordLlama's: "embedding.weight" [tokens, width]; unknown tokens are
// read.
//
// InvalidArgument, naming file and tensor, for what is missing, misshapen, of another type, or a
// mapping that leads out of the table.
absl::StatusOr<std::unique_ptr<const Architecture>> CreateStaticTable(const Json& config,
                                                                      const SafeTensors& weights,
                                                                      Precision precision);

// From rows that a caller has read: `rows` is row-major [*, width] and took `stored_bytes` in its
// file.
std::unique_ptr<const Architecture> NewStaticTable(FloatTensor rows, size_t width,
                                                   size_t stored_bytes);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_STATIC_TABLE_H_
