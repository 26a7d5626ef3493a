#include "storage/keys.h"

#include <xxhash.h>

namespace vecnest::storage {
namespace {

constexpr size_t kPrefixBytes = 1 + sizeof(CollectionId);

template <typename Integer>
void AppendBigEndian(std::string& out, Integer value) {
  for (int shift = (sizeof(Integer) - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
}

template <typename Integer>
Integer ReadBigEndian(std::string_view bytes) {
  Integer value = 0;
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    value = static_cast<Integer>(value << 8 | static_cast<uint8_t>(bytes[i]));
  }
  return value;
}

void AppendCollection(std::string& out, const CollectionId& collection) {
  out.append(reinterpret_cast<const char*>(collection.data()), collection.size());
}

void AppendPoint(std::string& out, const PointKey& point) {
  out.push_back(static_cast<char>(point.kind));
  if (point.kind == 1) AppendBigEndian(out, point.high);
  AppendBigEndian(out, point.low);
}

}  // namespace

uint8_t PartitionOf(const CollectionId& collection, const PointKey& point) {
  std::string bytes;
  AppendCollection(bytes, collection);
  AppendPoint(bytes, point);
  return static_cast<uint8_t>(XXH3_64bits(bytes.data(), bytes.size()) % kPartitions);
}

std::string PartitionPrefix(const CollectionId& collection, uint8_t partition) {
  std::string key(1, static_cast<char>(partition));
  AppendCollection(key, collection);
  return key;
}

std::string PointsKey(const CollectionId& collection, const PointKey& point) {
  std::string key = PartitionPrefix(collection, PartitionOf(collection, point));
  AppendPoint(key, point);
  return key;
}

std::string VectorsKey(const CollectionId& collection, const PointKey& point, uint16_t slot) {
  std::string key = PointsKey(collection, point);
  AppendBigEndian(key, slot);
  return key;
}

std::string LogPrefix(const CollectionId& collection) {
  std::string key;
  AppendCollection(key, collection);
  return key;
}

std::string LogKey(const CollectionId& collection, Sequence sequence) {
  std::string key = LogPrefix(collection);
  AppendBigEndian(key, sequence);
  return key;
}

std::string IndexPrefix(IndexPart part, const CollectionId& collection) {
  return static_cast<char>(part) + LogPrefix(collection);
}

std::string IndexKey(IndexPart part, const CollectionId& collection, uint64_t position) {
  return static_cast<char>(part) + LogKey(collection, position);
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<uint8_t>(prefix.back()) + 1);
  return prefix;
}

std::optional<PointKey> ParsePointsKey(std::string_view key) {
  if (key.size() <= kPrefixBytes) return std::nullopt;
  key.remove_prefix(kPrefixBytes);
  PointKey point;
  point.kind = static_cast<uint8_t>(key[0]);
  key.remove_prefix(1);
  if (point.kind == 0 && key.size() == 8) {
    point.low = ReadBigEndian<uint64_t>(key);
    return point;
  }
  if (point.kind == 1 && key.size() == 16) {
    point.high = ReadBigEndian<uint64_t>(key);
    point.low = ReadBigEndian<uint64_t>(key.substr(8));
    return point;
  }
  return std::nullopt;
}

std::optional<VectorKey> ParseVectorsKey(std::string_view key) {
  if (key.size() < sizeof(uint16_t)) return std::nullopt;
  const auto point = ParsePointsKey(key.substr(0, key.size() - sizeof(uint16_t)));
  if (!point) return std::nullopt;
  return VectorKey{*point, ReadBigEndian<uint16_t>(key.substr(key.size() - sizeof(uint16_t)))};
}

std::optional<Sequence> ParseLogKey(std::string_view key) {
  if (key.size() != sizeof(CollectionId) + sizeof(Sequence)) return std::nullopt;
  return ReadBigEndian<Sequence>(key.substr(sizeof(CollectionId)));
}

}  // namespace vecnest::storage
