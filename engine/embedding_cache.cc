#include "engine/embedding_cache.h"

namespace vecnest::engine {

bool EmbeddingCache::Key::operator==(const Key& other) const {
  return encoder == other.encoder && options.type == other.options.type &&
         options.truncate == other.options.truncate && options.prefix == other.options.prefix &&
         options.dimensions == other.options.dimensions && text == other.text;
}

size_t EmbeddingCache::BytesOf(const Entry& entry) {
  // With what a list node and a slot of the hash map take.
  constexpr size_t kOverhead = 64;
  return sizeof(Entry) + kOverhead + entry.key.text.capacity() +
         (entry.key.options.prefix ? entry.key.options.prefix->capacity() : 0) +
         entry.encoding.vector.capacity() * sizeof(float);
}

std::optional<embedder::Encoding> EmbeddingCache::Find(const Key& key) {
  const absl::MutexLock lock(&mutex_);
  const auto found = found_.find(&key);
  if (found == found_.end()) {
    ++stats_.misses;
    return std::nullopt;
  }
  ++stats_.hits;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->encoding;
}

void EmbeddingCache::Insert(Key key, const embedder::Encoding& encoding) {
  const absl::MutexLock lock(&mutex_);
  if (found_.contains(&key)) return;
  entries_.push_front({std::move(key), encoding});
  found_.emplace(&entries_.front().key, entries_.begin());
  stats_.bytes += BytesOf(entries_.front());
  while (stats_.bytes > capacity_) {
    const Entry& oldest = entries_.back();
    stats_.bytes -= BytesOf(oldest);
    found_.erase(&oldest.key);
    entries_.pop_back();
  }
}

EmbeddingCache::Stats EmbeddingCache::stats() const {
  const absl::MutexLock lock(&mutex_);
  Stats stats = stats_;
  stats.entries = entries_.size();
  return stats;
}

}  // namespace vecnest::engine
