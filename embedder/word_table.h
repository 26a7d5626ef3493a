// Files of words with a vector each: GloVe's text form, word2vec's text and binary forms.
#ifndef VECNEST_EMBEDDER_WORD_TABLE_H_
#define VECNEST_EMBEDDER_WORD_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "embedder/mapped_file.h"
#include "embedder/string_map.h"

namespace vecnest::embedder {

// Words point into the file, which therefore stays mapped; row i of the values is word i's vector.
struct WordTable {
  std::shared_ptr<const MappedFile> file;
  StringMap<std::string_view, int32_t> ids;
  std::vector<float> values;  // row-major [words, width]
  size_t width = 0;
};

enum class WordTableFormat {
  // A line per word: the word, then the values in decimal, separated by blanks. The first line may
  // be "count width" instead. A word may contain blanks when what follows them is no number.
  kText,
  // A line "count width", then per word its bytes, a blank and the values as little-endian f32;
  // line feeds before a word are skipped.
  kBinary,
};

// Whether the path's ending names a table of words: ".txt" or ".bin".
bool IsWordTable(std::string_view path);

// Checks everything: counts, widths, that numbers are finite, that nothing is missing or left over,
// that no word is empty or comes twice. Words that are not UTF-8 (the original word2vec cuts long
// ones anywhere) keep their row, but no text contains them. InvalidArgument names the file, line or
// word, what was found and what was expected.
absl::StatusOr<WordTable> LoadWordTable(const std::string& path);

// The same for bytes in memory, which must outlive the result. `source` is the name in errors.
absl::StatusOr<WordTable> ParseWordTable(std::string_view bytes, WordTableFormat format,
                                         const std::string& source);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_WORD_TABLE_H_
