#include "embedder/inspection/table_terms.h"

#include <fmt/format.h>

#include <algorithm>

#include "embedder/architecture.h"
#include "embedder/tokenizer.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {
namespace {

// Nothing when the term is too long.
bool TokenizeTerm(const Encoder& encoder, std::string_view term, std::vector<int32_t>* ids) {
  const Tokenizer& tokenizer = *encoder.parts().tokenizer;
  if (tokenizer.Tokenize(term, static_cast<size_t>(encoder.info().max_tokens), ids)) return false;
  if (const auto dropped = tokenizer.traits().dropped_id) {
    ids->erase(std::remove(ids->begin(), ids->end(), *dropped), ids->end());
  }
  return true;
}

}  // namespace

absl::StatusOr<TableTerm> FindTerm(const Encoder& encoder, std::string_view term) {
  const Vocabulary& vocabulary = encoder.vocabulary();
  if (term.empty()) return absl::InvalidArgumentError("a word or token must not be empty");
  TableTerm found;
  if (const int32_t id = vocabulary.Find(term); id >= 0) {
    found.ids = {id};
  } else {
    if (FindInvalidUtf8(term)) {
      return absl::InvalidArgumentError("the word or token is not valid UTF-8");
    }
    if (!TokenizeTerm(encoder, term, &found.ids)) {
      return absl::InvalidArgumentError(
          fmt::format("the word or token has more tokens than the {} that {} reads",
                      encoder.info().max_tokens, encoder.info().name));
    }
    const bool known = std::any_of(found.ids.begin(), found.ids.end(),
                                   [&](int32_t piece) { return !vocabulary.IsSpecial(piece); });
    if (!known) {
      return absl::NotFoundError(
          fmt::format("'{}' is not in the table of tokens of {}", term, encoder.info().name));
    }
  }
  const Architecture& architecture = *encoder.parts().architecture;
  const size_t width = architecture.shape().width;
  std::vector<float> row(width);
  found.vector.resize(width);
  for (const int32_t id : found.ids) {
    architecture.TokenRow(id, row.data());
    for (size_t i = 0; i < width; ++i) {
      found.vector[i] += row[i] / static_cast<float>(found.ids.size());
    }
  }
  return found;
}

int32_t WholeWord(const Encoder& encoder, std::string_view word) {
  const Vocabulary& vocabulary = encoder.vocabulary();
  if (const int32_t id = vocabulary.Find(word); id >= 0) return id;
  std::vector<int32_t> ids;
  if (FindInvalidUtf8(word) || !TokenizeTerm(encoder, word, &ids)) return -1;
  if (ids.size() != 1 || vocabulary.IsSpecial(ids[0])) return -1;
  return ids[0];
}

}  // namespace vecnest::embedder
