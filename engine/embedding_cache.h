// Vectors of texts that were encoded lately: people and programs ask the same things again.
#ifndef VECNEST_ENGINE_EMBEDDING_CACHE_H_
#define VECNEST_ENGINE_EMBEDDING_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "embedder/encoder.h"

namespace vecnest::engine {

// The least recently used go first. Thread-safe.
class EmbeddingCache {
 public:
  // Everything that the vector depends on.
  struct Key {
    const embedder::Encoder* encoder;
    embedder::EncodeOptions options;
    std::string text;

    bool operator==(const Key& other) const;
    template <typename H>
    friend H AbslHashValue(H state, const Key& key) {
      return H::combine(std::move(state), key.encoder, key.options.type, key.options.truncate,
                        key.options.prefix, key.options.dimensions, key.text);
    }
  };
  struct Stats {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t bytes = 0;
    uint64_t entries = 0;
  };

  // 0: nothing is kept.
  explicit EmbeddingCache(size_t capacity_bytes) : capacity_(capacity_bytes) {}

  std::optional<embedder::Encoding> Find(const Key& key);
  void Insert(Key key, const embedder::Encoding& encoding);
  Stats stats() const;

 private:
  struct Entry {
    Key key;
    embedder::Encoding encoding;
  };
  static size_t BytesOf(const Entry& entry);

  const size_t capacity_;
  mutable absl::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // the most recently used first
  // Keys are those of the entries, by address.
  struct ByValue {
    size_t operator()(const Key* key) const { return absl::Hash<Key>()(*key); }
    bool operator()(const Key* a, const Key* b) const { return *a == *b; }
  };
  absl::flat_hash_map<const Key*, std::list<Entry>::iterator, ByValue, ByValue> found_
      ABSL_GUARDED_BY(mutex_);
  Stats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_EMBEDDING_CACHE_H_
