// Where the store keeps what it remembers about a shard itself.
#ifndef VECNEST_ENGINE_SHARD_KEYS_H_
#define VECNEST_ENGINE_SHARD_KEYS_H_

#include <string>

#include "engine/record.h"
#include "fmt/format.h"
#include "storage/keys.h"
#include "storage/write_log.h"

namespace vecnest::engine {

inline std::string IdBytes(const storage::CollectionId& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

inline std::string CollectionKey(const std::string& name) { return "collection/" + name; }
inline std::string ManifestKey(const storage::CollectionId& id) {
  return "manifest/" + IdBytes(id);
}
// Of the adaptor that vectors of a slot went through, see SlotDefinition::index_generation.
inline std::string AdaptorPrefix(const storage::CollectionId& id) {
  return "adaptor/" + IdBytes(id);
}
inline std::string AdaptorKey(const storage::CollectionId& id, Slot slot, uint32_t generation) {
  return AdaptorPrefix(id) + fmt::format("/{}-{}", slot, generation);
}
inline std::string CountKey(const storage::CollectionId& id) { return "count/" + IdBytes(id); }
inline std::string DeadPrefix(const storage::CollectionId& id) { return "dead/" + IdBytes(id); }
inline std::string DeadKey(const storage::CollectionId& id, storage::Sequence sequence) {
  return "dead/" + storage::LogKey(id, sequence);
}

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_SHARD_KEYS_H_
