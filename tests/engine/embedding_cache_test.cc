#include "engine/embedding_cache.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

EmbeddingCache::Key KeyOf(const std::string& text) { return {nullptr, {}, text}; }

TEST(EmbeddingCacheTest, FindsWhatWasInserted) {
  EmbeddingCache cache(1 << 20);
  EXPECT_FALSE(cache.Find(KeyOf("a")).has_value());
  cache.Insert(KeyOf("a"), {.vector = {1, 2}, .tokens = 3, .truncated = true});
  const auto found = cache.Find(KeyOf("a"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->vector, (std::vector<float>{1, 2}));
  EXPECT_EQ(found->tokens, 3);
  EXPECT_TRUE(found->truncated);
  EXPECT_EQ(cache.stats().hits, 1u);
  EXPECT_EQ(cache.stats().misses, 1u);
  EXPECT_EQ(cache.stats().entries, 1u);
}

TEST(EmbeddingCacheTest, EveryPartOfTheKeyCounts) {
  EmbeddingCache cache(1 << 20);
  cache.Insert(KeyOf("a"), {});
  EmbeddingCache::Key key = KeyOf("a");
  key.encoder = reinterpret_cast<const embedder::Encoder*>(&cache);
  EXPECT_FALSE(cache.Find(key).has_value());
  for (int part = 0; part < 4; ++part) {
    key = KeyOf("a");
    if (part == 0) key.options.type = embedder::TextType::kQuery;
    if (part == 1) key.options.truncate = !key.options.truncate;
    if (part == 2) key.options.prefix = "";
    if (part == 3) key.options.dimensions = 5;
    EXPECT_FALSE(cache.Find(key).has_value()) << part;
  }
}

TEST(EmbeddingCacheTest, TheLeastRecentlyUsedGoFirst) {
  EmbeddingCache one(1 << 20);
  one.Insert(KeyOf("0"), {.vector = std::vector<float>(100)});
  EmbeddingCache cache(3 * one.stats().bytes);
  for (const char* text : {"0", "1", "2"}) {
    cache.Insert(KeyOf(text), {.vector = std::vector<float>(100)});
  }
  EXPECT_TRUE(cache.Find(KeyOf("0")).has_value());
  cache.Insert(KeyOf("3"), {.vector = std::vector<float>(100)});
  EXPECT_TRUE(cache.Find(KeyOf("0")).has_value());
  EXPECT_FALSE(cache.Find(KeyOf("1")).has_value());
  EXPECT_EQ(cache.stats().entries, 3u);
  EXPECT_EQ(cache.stats().bytes, 3 * one.stats().bytes);
}

TEST(EmbeddingCacheTest, WithoutRoomNothingIsKept) {
  EmbeddingCache cache(0);
  cache.Insert(KeyOf("a"), {.vector = {1}});
  EXPECT_FALSE(cache.Find(KeyOf("a")).has_value());
  EXPECT_EQ(cache.stats().bytes, 0u);
}

TEST(EmbeddingCacheTest, ManyThreads) {
  EmbeddingCache cache(20'000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache] {
      for (int i = 0; i < 2000; ++i) {
        const std::string text = std::to_string(i % 50);
        if (const auto found = cache.Find(KeyOf(text))) {
          ASSERT_EQ(found->tokens, i % 50);
        } else {
          cache.Insert(KeyOf(text), {.vector = std::vector<float>(10), .tokens = i % 50});
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cache.stats().hits + cache.stats().misses, 8000u);
  EXPECT_LE(cache.stats().bytes, 20'000u);
}

}  // namespace
}  // namespace vecnest::engine
