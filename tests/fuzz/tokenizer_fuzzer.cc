// Any bytes as a text: invalid UTF-8 is found, valid UTF-8 gives ids of the vocabulary and no more
// than asked for.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "embedder/utf8.h"
#include "embedder/wordpiece.h"

namespace {

using vecnest::embedder::WordPieceTokenizer;

WordPieceTokenizer MakeTokenizer(bool strip_accents, bool clean_text) {
  vecnest::embedder::WordPieceSpec spec;
  spec.vocabulary = {{"[UNK]", 0}, {"[CLS]", 1}, {"[SEP]", 2}, {"a", 3},  {"##a", 4},
                     {"ab", 5},    {"##bc", 6},  {"é", 7},     {"中", 8}, {"##\u302e", 9}};
  spec.added_tokens = {{"[CLS]", 1}, {"[SEP]", 2}, {"[S", 10}};
  spec.normalizer.strip_accents = strip_accents;
  spec.normalizer.clean_text = clean_text;
  spec.normalizer.max_word_chars = 7;
  return *WordPieceTokenizer::Create(spec);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const tokenizers = new std::vector<WordPieceTokenizer>{
      MakeTokenizer(true, true), MakeTokenizer(false, true), MakeTokenizer(true, false)};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (vecnest::embedder::FindInvalidUtf8(text)) return 0;
  for (const WordPieceTokenizer& tokenizer : *tokenizers) {
    for (const size_t most : {size_t{3}, 8 * size + 1}) {
      std::vector<int32_t> ids;
      tokenizer.Tokenize(text, most, &ids);
      if (ids.size() > most) std::abort();
      for (const int32_t id : ids) {
        if (id < 0 || id >= tokenizer.traits().vocabulary_size) std::abort();
      }
    }
  }
  return 0;
}
