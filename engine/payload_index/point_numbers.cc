#include "engine/payload_index/point_numbers.h"

#include <algorithm>

#include "engine/payload_index/number_set.h"

namespace vecnest::engine {

void PointNumbers::Put(PointNumber number, const storage::PointKey& key) {
  if (number >= low_.size()) {
    free_.addRange(low_.size(), number);
    low_.resize(size_t{number} + 1);
    if (!high_.empty()) high_.resize(low_.size());
  }
  free_.remove(number);
  live_.add(number);
  low_[number] = key.low;
  if (key.kind == 0) return;
  high_.resize(low_.size());
  high_[number] = key.high;
  uuids_.add(number);
}

void PointNumbers::Free(PointNumber number) {
  if (!live_.contains(number)) return;
  live_.remove(number);
  uuids_.remove(number);
  free_.add(number);
}

storage::PointKey PointNumbers::KeyOf(PointNumber number) const {
  if (high_.empty() || !uuids_.contains(number)) return {0, 0, low_[number]};
  return {1, high_[number], low_[number]};
}

std::vector<PointNumber> PointNumbers::NextFree(size_t count) const {
  std::vector<PointNumber> numbers;
  numbers.reserve(count);
  for (auto free = free_.begin(); numbers.size() < count && free != free_.end(); ++free) {
    numbers.push_back(*free);
  }
  for (size_t next = low_.size(); numbers.size() < count; ++next) {
    numbers.push_back(static_cast<PointNumber>(next));
  }
  return numbers;
}

size_t PointNumbers::MemoryBytes() const {
  size_t bytes = (low_.capacity() + high_.capacity()) * sizeof(uint64_t);
  for (const Roaring* bitmap : {&uuids_, &live_, &free_}) {
    bytes += bitmap->getSizeInBytes(/*portable=*/false);
  }
  return bytes;
}

void PointNumbers::Encode(ByteWriter& writer) const {
  WriteBitmap(writer, live_);
  WriteBitmap(writer, uuids_);
  for (const PointNumber number : live_) {
    const storage::PointKey key = KeyOf(number);
    writer.Number(key.low);
    if (key.kind == 1) writer.Number(key.high);
  }
}

PointNumbers PointNumbers::Decode(ByteReader& reader) {
  PointNumbers numbers;
  const Roaring live = ReadBitmap(reader);
  const Roaring uuids = ReadBitmap(reader);
  for (const PointNumber number : live) {
    storage::PointKey key;
    key.kind = uuids.contains(number) ? 1 : 0;
    key.low = reader.Number<uint64_t>();
    if (key.kind == 1) key.high = reader.Number<uint64_t>();
    if (reader.failed()) break;
    numbers.Put(number, key);
  }
  return numbers;
}

bool operator==(const PointNumbers& a, const PointNumbers& b) {
  return a.live_ == b.live_ && a.uuids_ == b.uuids_ &&
         std::all_of(a.live_.begin(), a.live_.end(),
                     [&](PointNumber number) { return a.KeyOf(number) == b.KeyOf(number); });
}

}  // namespace vecnest::engine
