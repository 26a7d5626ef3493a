#include "embedder/trie.h"

#include <algorithm>
#include <cstddef>

namespace vecnest::embedder {
namespace {

// Keys [begin, end) of the sorted list share their first `depth` bytes, which lead to `node`.
struct Pending {
  Trie::Node node;
  size_t begin;
  size_t end;
  size_t depth;
};

constexpr size_t kAlphabet = 256;

}  // namespace

Trie::Trie(std::vector<std::pair<std::string, int32_t>> entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Grow(kAlphabet + 1);
  std::vector<Pending> stack = {{kRoot, 0, entries.size(), 0}};
  std::vector<unsigned char> bytes;
  std::vector<size_t> starts;
  while (!stack.empty()) {
    const Pending top = stack.back();
    stack.pop_back();
    size_t i = top.begin;
    for (; i < top.end && entries[i].first.size() == top.depth; ++i) {
      slots_[top.node].value = entries[i].second;
    }
    bytes.clear();
    starts.clear();
    for (; i < top.end; ++i) {
      const auto byte = static_cast<unsigned char>(entries[i].first[top.depth]);
      if (bytes.empty() || bytes.back() != byte) {
        bytes.push_back(byte);
        starts.push_back(i);
      }
    }
    if (bytes.empty()) continue;  // a leaf: base 0 finds only children of the root
    starts.push_back(top.end);
    const int32_t base = FindBase(bytes);
    slots_[top.node].base = base;
    for (size_t k = 0; k < bytes.size(); ++k) {
      const Node child = base + bytes[k];
      slots_[child].parent = top.node;
      stack.push_back({child, starts[k], starts[k + 1], top.depth + 1});
    }
  }
  slots_.shrink_to_fit();
}

int32_t Trie::FindBase(const std::vector<unsigned char>& bytes) {
  while (slots_[first_free_].parent != kNone) {
    if (++first_free_ + kAlphabet >= slots_.size()) Grow(2 * slots_.size());
  }
  const size_t lowest = bytes.front();
  size_t base = first_free_ > lowest ? first_free_ - lowest : 1;
  const auto fits = [&](size_t b) {
    return std::all_of(bytes.begin(), bytes.end(),
                       [&](unsigned char byte) { return slots_[b + byte].parent == kNone; });
  };
  // Slot 0 is the root, so a base is at least 1.
  for (size_t tries = 0;; ++base) {
    if (base + kAlphabet >= slots_.size()) Grow(2 * slots_.size());
    if (fits(base)) return static_cast<int32_t>(base);
    // Nearly full stretches are given up, or building would be quadratic.
    constexpr size_t kPatience = 256;
    if (++tries == kPatience) {
      first_free_ = std::max(first_free_, base + lowest);
    }
  }
}

// A node tells its parent, and its place behind the parent's base which byte led to it.
void Trie::ForEach(Sink sink) const {
  std::string key;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].value < 0) continue;
    key.clear();
    for (auto node = static_cast<Node>(slot); node != kRoot; node = slots_[node].parent) {
      key.push_back(static_cast<char>(node - slots_[slots_[node].parent].base));
    }
    std::reverse(key.begin(), key.end());
    sink(key, slots_[slot].value);
  }
}

void Trie::Grow(size_t size) { slots_.resize(size + kAlphabet); }

}  // namespace vecnest::embedder
