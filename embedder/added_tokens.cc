#include "embedder/added_tokens.h"

namespace vecnest::embedder {

AddedTokens::AddedTokens(const TokenList& tokens) : literals_(tokens) {
  for (const auto& [token, id] : tokens) {
    if (!token.empty()) starts_literal_[static_cast<unsigned char>(token[0])] = true;
  }
}

int32_t AddedTokens::IdOf(std::string_view literal) const {
  const Trie::Node node = literals_.Walk(literal);
  return node == Trie::kNone ? -1 : literals_.ValueAt(node);
}

void AddedTokens::Split(std::string_view text, absl::FunctionRef<bool(std::string_view)> between,
                        absl::FunctionRef<bool(int32_t)> literal) const {
  size_t position = 0;
  while (position < text.size()) {
    const Match next = Find(text, position);
    if (!between(text.substr(position, next.position - position))) return;
    if (next.length > 0 && !literal(next.id)) return;
    position = next.position + next.length;
  }
}

// The leftmost literal at or after `from`; its length is 0 and its position the end of the text
// when there is none.
AddedTokens::Match AddedTokens::Find(std::string_view text, size_t from) const {
  for (size_t i = from; i < text.size(); ++i) {
    if (!starts_literal_[static_cast<unsigned char>(text[i])]) continue;
    Match longest = {i, 0, 0};
    Trie::Node node = Trie::kRoot;
    for (size_t end = i; end < text.size(); ++end) {
      node = literals_.Step(node, static_cast<unsigned char>(text[end]));
      if (node == Trie::kNone) break;
      if (literals_.ValueAt(node) >= 0) {
        longest.length = end + 1 - i;
        longest.id = literals_.ValueAt(node);
      }
    }
    if (longest.length > 0) return longest;
  }
  return {text.size(), 0, 0};
}

}  // namespace vecnest::embedder
