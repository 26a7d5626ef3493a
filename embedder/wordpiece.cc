#include "embedder/wordpiece.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "absl/status/status.h"

namespace vecnest::embedder {

WordPieceTokenizer::WordPieceTokenizer(const WordPieceSpec& spec)
    : splitter_(spec.normalizer),
      pieces_(spec.vocabulary),
      added_tokens_(spec.added_tokens),
      continuation_(pieces_.Walk(spec.continuation)) {
  for (const TokenList* list : {&spec.vocabulary, &spec.added_tokens}) {
    for (const auto& [token, id] : *list) {
      traits_.vocabulary_size = std::max(traits_.vocabulary_size, id + 1);
    }
  }
}

absl::StatusOr<WordPieceTokenizer> WordPieceTokenizer::Create(const WordPieceSpec& spec) {
  if (spec.vocabulary.empty()) return absl::InvalidArgumentError("the vocabulary is empty");
  for (const TokenList* list : {&spec.vocabulary, &spec.added_tokens}) {
    for (const auto& [token, id] : *list) {
      if (id < 0 || id == std::numeric_limits<int32_t>::max()) {
        return absl::InvalidArgumentError(fmt::format("token \"{}\" has the id {}", token, id));
      }
    }
  }
  WordPieceTokenizer tokenizer(spec);
  for (const std::string* token : {&spec.unknown_token, &spec.first_token, &spec.last_token}) {
    const bool wanted = token == &spec.unknown_token || !token->empty();
    if (wanted && tokenizer.IdOf(*token) < 0) {
      return absl::InvalidArgumentError(
          fmt::format("the special token \"{}\" is not in the vocabulary", *token));
    }
  }
  tokenizer.unknown_id_ = tokenizer.IdOf(spec.unknown_token);
  Traits& traits = tokenizer.traits_;
  if (spec.drop_unknown) traits.dropped_id = tokenizer.unknown_id_;
  if (!spec.first_token.empty()) traits.before = {tokenizer.IdOf(spec.first_token)};
  if (!spec.last_token.empty()) traits.after = {tokenizer.IdOf(spec.last_token)};
  return tokenizer;
}

int32_t WordPieceTokenizer::IdOf(std::string_view token) const {
  const Trie::Node node = pieces_.Walk(token);
  const int32_t id = node == Trie::kNone ? -1 : pieces_.ValueAt(node);
  return id >= 0 ? id : added_tokens_.IdOf(token);
}

void WordPieceTokenizer::ForEachToken(TokenSink sink) const {
  pieces_.ForEach([&](std::string_view token, int32_t id) { sink(token, id, false); });
  added_tokens_.ForEach([&](std::string_view token, int32_t id) { sink(token, id, true); });
}

bool WordPieceTokenizer::Tokenize(std::string_view text, size_t max_tokens,
                                  std::vector<int32_t>* ids, GoOn go_on) const {
  Pauses pauses(go_on);
  const size_t begin = ids->size();
  const auto over = [&] { return ids->size() - begin > max_tokens; };
  const auto append = [&](const WordSplitter::Word& word) {
    AppendWord(word, ids);
    return !over() && pauses.GoOn();
  };
  added_tokens_.Split(
      text, [&](std::string_view between) { return splitter_.Split(between, append); },
      [&](int32_t id) {
        ids->push_back(id);
        return !over() && pauses.GoOn();
      });
  if (!over()) return false;
  ids->resize(begin + max_tokens);
  return true;
}

// Greedy longest match from the left; a word that cannot be covered is one unknown token.
void WordPieceTokenizer::AppendWord(const WordSplitter::Word& word,
                                    std::vector<int32_t>* ids) const {
  const size_t pieces_begin = ids->size();
  const auto give_up = [&] {
    ids->resize(pieces_begin);
    ids->push_back(unknown_id_);
  };
  if (word.too_long) return give_up();
  size_t start = 0;
  while (start < word.text.size()) {
    Trie::Node node = start == 0 ? Trie::kRoot : continuation_;
    size_t longest_end = 0;
    int32_t longest_id = -1;
    for (size_t i = start; i < word.text.size() && node != Trie::kNone; ++i) {
      node = pieces_.Step(node, static_cast<unsigned char>(word.text[i]));
      if (node == Trie::kNone) break;
      if (pieces_.ValueAt(node) >= 0) {
        longest_end = i + 1;
        longest_id = pieces_.ValueAt(node);
      }
    }
    if (longest_id < 0) return give_up();
    ids->push_back(longest_id);
    start = longest_end;
  }
}

}  // namespace vecnest::embedder
