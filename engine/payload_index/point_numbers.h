// Which number each point of a shard has, and which numbers are free.
//
// Memory: 8 bytes a point, 16 once a shard has seen a UUID, and some bits.
#ifndef VECNEST_ENGINE_PAYLOAD_INDEX_POINT_NUMBERS_H_
#define VECNEST_ENGINE_PAYLOAD_INDEX_POINT_NUMBERS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/byte_io.h"
#include "engine/record.h"
#include "roaring/roaring.hh"
#include "storage/keys.h"

namespace vecnest::engine {

// Not thread-safe; reading beside reading is.
class PointNumbers {
 public:
  void Put(PointNumber number, const storage::PointKey& key);
  void Free(PointNumber number);

  // Numbers in use.
  const Roaring& live() const { return live_; }
  // Of a number in use.
  storage::PointKey KeyOf(PointNumber number) const;
  // The numbers that the next `count` points get: freed ones first. They are not taken yet.
  std::vector<PointNumber> NextFree(size_t count) const;
  size_t MemoryBytes() const;

  void Encode(ByteWriter& writer) const;
  static PointNumbers Decode(ByteReader& reader);

  friend bool operator==(const PointNumbers& a, const PointNumbers& b);

 private:
  std::vector<uint64_t> low_;   // by number
  std::vector<uint64_t> high_;  // of UUIDs; empty while there are none
  Roaring uuids_;
  Roaring live_;
  Roaring free_;  // below low_.size()
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_INDEX_POINT_NUMBERS_H_
