#include "embedder/trie.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace vecnest::embedder {
namespace {

int32_t Lookup(const Trie& trie, const std::string& key) {
  const Trie::Node node = trie.Walk(key);
  return node == Trie::kNone ? -1 : trie.ValueAt(node);
}

TEST(TrieTest, Empty) {
  const Trie trie;
  EXPECT_EQ(trie.ValueAt(Trie::kRoot), -1);
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(trie.Step(Trie::kRoot, static_cast<unsigned char>(byte)), Trie::kNone);
  }
}

TEST(TrieTest, PrefixesAndTheLastOfEqualKeys) {
  const Trie trie({{"ab", 1}, {"a", 2}, {"", 3}, {std::string("\0\xff", 2), 4}, {"ab", 5}});
  EXPECT_EQ(Lookup(trie, "ab"), 5);
  EXPECT_EQ(Lookup(trie, "a"), 2);
  EXPECT_EQ(Lookup(trie, ""), 3);
  EXPECT_EQ(Lookup(trie, std::string("\0\xff", 2)), 4);
  EXPECT_EQ(Lookup(trie, "abc"), -1);
  EXPECT_EQ(Lookup(trie, "b"), -1);
}

TEST(TrieTest, AgreesWithAMapOnRandomKeys) {
  std::mt19937 random(1);
  for (const int alphabet : {2, 26, 256}) {
    std::map<std::string, int32_t> expected;
    const auto key = [&] {
      std::string result(random() % 7, '\0');
      for (char& c : result) c = static_cast<char>(random() % static_cast<unsigned>(alphabet));
      return result;
    };
    for (int i = 0; i < 20'000; ++i) expected[key()] = i;
    const Trie trie({expected.begin(), expected.end()});
    for (const auto& [k, value] : expected) ASSERT_EQ(Lookup(trie, k), value);
    for (int i = 0; i < 20'000; ++i) {
      const std::string k = key();
      const auto found = expected.find(k);
      ASSERT_EQ(Lookup(trie, k), found == expected.end() ? -1 : found->second);
    }
  }
}

}  // namespace
}  // namespace vecnest::embedder
