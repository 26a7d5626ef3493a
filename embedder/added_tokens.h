// Literals that become one id wherever they stand in a text.
#ifndef VECNEST_EMBEDDER_ADDED_TOKENS_H_
#define VECNEST_EMBEDDER_ADDED_TOKENS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "embedder/trie.h"

namespace vecnest::embedder {

// Tokens of a vocabulary with their ids.
using TokenList = std::vector<std::pair<std::string, int32_t>>;

// Immutable; any thread may use it.
class AddedTokens {
 public:
  // Of several that match at one place the longest counts. Ids must not be negative.
  explicit AddedTokens(const TokenList& tokens);

  // The id of a literal, or -1.
  int32_t IdOf(std::string_view literal) const;

  // Every literal with its id.
  void ForEach(Trie::Sink sink) const { literals_.ForEach(sink); }

  // Takes a text apart, from left to right: `between` gets what lies between literals (it may be
  // empty), `literal` gets their ids. Ends when one of the two returns false.
  void Split(std::string_view text, absl::FunctionRef<bool(std::string_view)> between,
             absl::FunctionRef<bool(int32_t)> literal) const;

 private:
  struct Match {
    size_t position;
    size_t length;
    int32_t id;
  };
  Match Find(std::string_view text, size_t from) const;

  Trie literals_;
  std::array<bool, 256> starts_literal_ = {};
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_ADDED_TOKENS_H_
