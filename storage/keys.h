// Key encoding. All integers are big-endian, so that keys sort as their numbers do.
//
//   points   [partition u8][collection 16 bytes][kind u8][id: 8 bytes (number) or 16 (uuid)]
//   vectors  [points key][slot u16]
//   log      [collection 16 bytes][sequence u64]
//   indexes  [part u8][collection 16 bytes][sequence or piece u64]
//
// The partition of a point is XXH3-64 of (collection, kind, id) modulo 64. One node owns all 64
// today; the hash decides where a point lives in a cluster and is therefore frozen: a test holds
// golden values.
#ifndef VECNEST_STORAGE_KEYS_H_
#define VECNEST_STORAGE_KEYS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vecnest::storage {

using Sequence = uint64_t;
using CollectionId = std::array<uint8_t, 16>;

inline constexpr int kPartitions = 64;

// A point's id: kind 0 is a number in `low`, kind 1 a UUID in `high` and `low`.
struct PointKey {
  uint8_t kind = 0;
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const PointKey&, const PointKey&) = default;
};

uint8_t PartitionOf(const CollectionId& collection, const PointKey& point);

std::string PointsKey(const CollectionId& collection, const PointKey& point);
std::string VectorsKey(const CollectionId& collection, const PointKey& point, uint16_t slot);
std::string LogKey(const CollectionId& collection, Sequence sequence);

// Parts of the indexes family.
enum class IndexPart : uint8_t {
  kCheckpoint = 1,  // in pieces
  kChanges = 2,     // by sequence
};
std::string IndexKey(IndexPart part, const CollectionId& collection, uint64_t position);

// Common start of the keys of one partition of a collection in `points` and `vectors`.
std::string PartitionPrefix(const CollectionId& collection, uint8_t partition);
// Common start of a collection's keys in `log`.
std::string LogPrefix(const CollectionId& collection);
// Common start of a collection's keys in a part of `indexes`.
std::string IndexPrefix(IndexPart part, const CollectionId& collection);
// The smallest key that does not start with `prefix`; empty when there is none.
std::string PrefixEnd(std::string prefix);

// Nothing when the key is not well-formed.
std::optional<PointKey> ParsePointsKey(std::string_view key);
struct VectorKey {
  PointKey point;
  uint16_t slot = 0;
};
std::optional<VectorKey> ParseVectorsKey(std::string_view key);
std::optional<Sequence> ParseLogKey(std::string_view key);

}  // namespace vecnest::storage

#endif  // VECNEST_STORAGE_KEYS_H_
