// Longest-match look-up of byte strings without allocation.
#ifndef VECNEST_EMBEDDER_TRIE_H_
#define VECNEST_EMBEDDER_TRIE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"

namespace vecnest::embedder {

// A double-array trie (Aoe 1989): the child of node s for byte c is base[s] + c when that slot
// names s as its parent, so one step is two loads. Immutable, safe from any thread. BERT's
// 30,522 words have 65,016 nodes, which take 1.2 MB and 6 ms to build.
class Trie {
 public:
  using Node = int32_t;
  static constexpr Node kNone = -1;
  static constexpr Node kRoot = 0;

  Trie() : Trie(std::vector<std::pair<std::string, int32_t>>()) {}

  // Keys may come in any order; of equal keys the last one counts. Values must not be negative.
  explicit Trie(std::vector<std::pair<std::string, int32_t>> entries);

  // The node reached from `node` by `byte`, or kNone.
  Node Step(Node node, unsigned char byte) const {
    const Slot& child = slots_[static_cast<size_t>(slots_[node].base) + byte];
    return child.parent == node ? slots_[node].base + byte : kNone;
  }

  // The node that the bytes of `key` lead to, or kNone.
  Node Walk(std::string_view key) const {
    Node node = kRoot;
    for (const char c : key) {
      node = Step(node, static_cast<unsigned char>(c));
      if (node == kNone) break;
    }
    return node;
  }

  // The value of the key that ends at `node`, or -1.
  int32_t ValueAt(Node node) const { return slots_[node].value; }

  // Every key with its value, in no order that means anything. Keys are valid during the call only.
  using Sink = absl::FunctionRef<void(std::string_view key, int32_t value)>;
  void ForEach(Sink sink) const;

 private:
  struct Slot {
    int32_t base = 0;
    int32_t parent = kNone;
    int32_t value = -1;
  };

  int32_t FindBase(const std::vector<unsigned char>& bytes);
  void Grow(size_t size);

  std::vector<Slot> slots_;
  size_t first_free_ = 1;  // only used while building
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_TRIE_H_
