// A set of point numbers that costs little when it is small: up to four lie in the object itself,
// many in a bitmap.
#ifndef VECNEST_ENGINE_PAYLOAD_INDEX_NUMBER_SET_H_
#define VECNEST_ENGINE_PAYLOAD_INDEX_NUMBER_SET_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/container/inlined_vector.h"
#include "engine/byte_io.h"
#include "engine/record.h"
#include "roaring/roaring.hh"

namespace vecnest::engine {

// Bitmaps in records. Reading fails the reader when the bytes are no bitmap.
void WriteBitmap(ByteWriter& writer, const Roaring& bitmap);
Roaring ReadBitmap(ByteReader& reader);

// Not thread-safe; reading beside reading is.
class NumberSet {
 public:
  void Add(PointNumber number);
  void Remove(PointNumber number);
  void RemoveAll(const Roaring& numbers);

  bool empty() const { return size() == 0; }
  size_t size() const;
  void AddTo(Roaring& bitmap) const;
  // How many of the set are in `bitmap`.
  size_t CountIn(const Roaring& bitmap) const;
  size_t HeapBytes() const;

  void Encode(ByteWriter& writer) const;
  static NumberSet Decode(ByteReader& reader);

  friend bool operator==(const NumberSet& a, const NumberSet& b);

 private:
  absl::InlinedVector<PointNumber, 4> few_;  // sorted; empty when many_ is there
  std::unique_ptr<Roaring> many_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_INDEX_NUMBER_SET_H_
