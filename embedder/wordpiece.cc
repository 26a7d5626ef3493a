#include "embedder/wordpiece.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "absl/status/status.h"

namespace vecnest::embedder {
namespace {

Trie::Node Walk(const Trie& trie, std::string_view key) {
  Trie::Node node = Trie::kRoot;
  for (const char c : key) {
    node = trie.Step(node, static_cast<unsigned char>(c));
    if (node == Trie::kNone) break;
  }
  return node;
}

int32_t Lookup(const Trie& trie, std::string_view key) {
  const Trie::Node node = Walk(trie, key);
  return node == Trie::kNone ? -1 : trie.ValueAt(node);
}

}  // namespace

WordPieceTokenizer::WordPieceTokenizer(const WordPieceSpec& spec)
    : splitter_(spec.normalizer), pieces_(spec.vocabulary), added_tokens_(spec.added_tokens) {
  for (const auto& [token, id] : spec.added_tokens) {
    if (!token.empty()) starts_added_token_[static_cast<unsigned char>(token[0])] = true;
  }
  for (const auto* list : {&spec.vocabulary, &spec.added_tokens}) {
    for (const auto& [token, id] : *list) vocabulary_size_ = std::max(vocabulary_size_, id + 1);
  }
  continuation_ = Walk(pieces_, spec.continuation);
}

absl::StatusOr<WordPieceTokenizer> WordPieceTokenizer::Create(const WordPieceSpec& spec) {
  if (spec.vocabulary.empty()) return absl::InvalidArgumentError("the vocabulary is empty");
  for (const auto* list : {&spec.vocabulary, &spec.added_tokens}) {
    for (const auto& [token, id] : *list) {
      if (id < 0 || id == std::numeric_limits<int32_t>::max()) {
        return absl::InvalidArgumentError(fmt::format("token \"{}\" has the id {}", token, id));
      }
    }
  }
  WordPieceTokenizer tokenizer(spec);
  const std::pair<const std::string&, int32_t*> wanted[] = {
      {spec.unknown_token, &tokenizer.unknown_id_},
      {spec.first_token, &tokenizer.first_id_},
      {spec.last_token, &tokenizer.last_id_}};
  for (const auto& [token, id] : wanted) {
    *id = Lookup(tokenizer.pieces_, token);
    if (*id < 0) *id = Lookup(tokenizer.added_tokens_, token);
    if (*id < 0) {
      return absl::InvalidArgumentError(
          fmt::format("the special token \"{}\" is not in the vocabulary", token));
    }
  }
  return tokenizer;
}

bool WordPieceTokenizer::Tokenize(std::string_view text, size_t max_tokens,
                                  std::vector<int32_t>* ids) const {
  const size_t begin = ids->size();
  const auto over = [&] { return ids->size() - begin > max_tokens; };
  const auto append = [&](const WordSplitter::Word& word) {
    AppendWord(word, ids);
    return !over();
  };
  size_t position = 0;
  while (position < text.size() && !over()) {
    const AddedToken next = FindAddedToken(text, position);
    splitter_.Split(text.substr(position, next.position - position), append);
    if (next.length > 0 && !over()) ids->push_back(next.id);
    position = next.position + next.length;
  }
  if (!over()) return false;
  ids->resize(begin + max_tokens);
  return true;
}

// The leftmost added token at or after `from`; its length is 0 and its position the end of the
// text when there is none.
WordPieceTokenizer::AddedToken WordPieceTokenizer::FindAddedToken(std::string_view text,
                                                                  size_t from) const {
  for (size_t i = from; i < text.size(); ++i) {
    if (!starts_added_token_[static_cast<unsigned char>(text[i])]) continue;
    AddedToken longest = {i, 0, 0};
    Trie::Node node = Trie::kRoot;
    for (size_t end = i; end < text.size(); ++end) {
      node = added_tokens_.Step(node, static_cast<unsigned char>(text[end]));
      if (node == Trie::kNone) break;
      if (added_tokens_.ValueAt(node) >= 0) {
        longest.length = end + 1 - i;
        longest.id = added_tokens_.ValueAt(node);
      }
    }
    if (longest.length > 0) return longest;
  }
  return {text.size(), 0, 0};
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
