// Reads a tokenizer from a Hugging Face model directory.
#ifndef VECNEST_EMBEDDER_TOKENIZER_FILES_H_
#define VECNEST_EMBEDDER_TOKENIZER_FILES_H_

#include <memory>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "embedder/bpe.h"
#include "embedder/json.h"
#include "embedder/tokenizer.h"
#include "embedder/wordpiece.h"

namespace vecnest::embedder {

using TokenizerSpec = std::variant<WordPieceSpec, BpeSpec>;

// From tokenizer.json when the directory has one, else from vocab.txt (one WordPiece token a line,
// the id is the line's number). Truncation and padding that tokenizer.json may pin are ignored: the
// encoder pads nothing and has its own limit.
//
// With special tokens, those of the post-processor go around a text, and tokenizer_config.json's
// do_lower_case, strip_accents and tokenize_chinese_chars override, as they do in `transformers`.
// Without, neither is read: who wants the text's tokens alone takes tokenizer.json as it is.
//
// NotFound when neither file is there; InvalidArgument, naming file and field, for anything that
// is damaged or that this tokenizer would treat differently from the original (another model
// type, another normaliser, added tokens that match normalised text or swallow white space).
absl::StatusOr<TokenizerSpec> LoadTokenizerSpec(const std::string& directory,
                                                const TokenizerUse& use);

// The contents of tokenizer.json alone.
absl::StatusOr<TokenizerSpec> ParseTokenizerJson(const Json& root, const TokenizerUse& use);

absl::StatusOr<std::unique_ptr<const Tokenizer>> CreateTokenizer(const TokenizerSpec& spec);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_TOKENIZER_FILES_H_
