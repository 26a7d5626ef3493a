// Reads a tokenizer from a Hugging Face model directory.
#ifndef VECNEST_EMBEDDER_TOKENIZER_FILES_H_
#define VECNEST_EMBEDDER_TOKENIZER_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "embedder/wordpiece.h"

namespace vecnest::embedder {

// From tokenizer.json when the directory has one, else from vocab.txt (one token a line, the id
// is the line's number). tokenizer_config.json's do_lower_case, strip_accents and
// tokenize_chinese_chars override, as they do in `transformers`. Truncation and padding that
// tokenizer.json may pin are ignored: the encoder pads nothing and has its own limit.
//
// NotFound when neither file is there; InvalidArgument, naming file and field, for anything that
// is damaged or that this tokenizer would treat differently from the original (another model
// type, another normaliser, added tokens that match normalised text or swallow white space).
absl::StatusOr<WordPieceSpec> LoadWordPieceSpec(const std::string& directory);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_TOKENIZER_FILES_H_
