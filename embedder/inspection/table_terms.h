// A token or a word as a vector of the table of tokens.
#ifndef VECNEST_EMBEDDER_INSPECTION_TABLE_TERMS_H_
#define VECNEST_EMBEDDER_INSPECTION_TABLE_TERMS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "embedder/encoder.h"

namespace vecnest::embedder {

struct TableTerm {
  std::vector<int32_t> ids;   // the tokens it is made of
  std::vector<float> vector;  // the mean of their rows
};

// A token that reads exactly so, else what the tokenizer makes of the term, without special tokens
// around it. InvalidArgument: empty, not UTF-8, or longer than the model reads. NotFound: nothing
// of it is in the table.
absl::StatusOr<TableTerm> FindTerm(const Encoder& encoder, std::string_view term);

// The one token that is this word, lower-cased where the tokenizer does so; -1 where it is none or
// several.
int32_t WholeWord(const Encoder& encoder, std::string_view word);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_INSPECTION_TABLE_TERMS_H_
