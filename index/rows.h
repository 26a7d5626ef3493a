// How the vectors of a segment lie in memory: plain arrays, the same for a chunk of a growing
// segment and for a mapped file, so that scanning, filtering and lookups are written once.
#ifndef VECNEST_INDEX_ROWS_H_
#define VECNEST_INDEX_ROWS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "index/deletion_marks.h"
#include "index/types.h"

namespace vecnest::index {

// PointKey as it lies in a segment file: no padding, so that files are equal byte by byte.
struct StoredKey {
  uint64_t kind = 0;
  uint64_t high = 0;
  uint64_t low = 0;
};

inline StoredKey Store(const PointKey& key) { return {key.kind, key.high, key.low}; }
inline PointKey Load(const StoredKey& key) {
  return {static_cast<uint8_t>(key.kind), key.high, key.low};
}

// Rows are padded with zeros to a multiple of 16 floats, so that each starts on a cache line.
constexpr size_t RowStride(size_t dimensions) { return (dimensions + 15) / 16 * 16; }

// A view of `count` rows in ascending order of label. Owns nothing; the segment it was taken from
// must outlive it. Everything but the marks is immutable; a mark is set by the index's writer.
struct Rows {
  static constexpr size_t kPrefetchLines = 24;

  size_t count = 0;
  size_t stride = 0;  // floats from one vector to the next
  const Label* labels = nullptr;
  const StoredKey* keys = nullptr;
  const PointNumber* numbers = nullptr;
  const uint32_t* by_number = nullptr;   // rows in ascending order of number; null: not known
  const float* inverse_norms = nullptr;  // of the whole vectors; 0 for a zero vector
  const float* vectors = nullptr;
  DeletionMarks* marks = nullptr;

  const float* Vector(size_t row) const { return vectors + row * stride; }

  // Asks for the first `dimensions` values of a row that is read soon. Rows are visited in jumps,
  // which the processor's own prefetcher does not foresee.
  void Prefetch(size_t row, size_t dimensions) const {
    constexpr size_t kFloatsPerLine = 16;
    const float* vector = Vector(row);
    const size_t end = std::min(dimensions, kPrefetchLines * kFloatsPerLine);
    for (size_t i = 0; i < end; i += kFloatsPerLine) __builtin_prefetch(vector + i, 0, 3);
  }

  std::optional<size_t> Find(Label label) const {
    const Label* end = labels + count;
    const Label* found = std::lower_bound(labels, end, label);
    if (found == end || *found != label) return std::nullopt;
    return static_cast<size_t>(found - labels);
  }

  // The rows that had been added when `as_of` was the largest label.
  Rows Until(Label as_of) const {
    Rows rows = *this;
    if (count > 0 && labels[count - 1] > as_of) {
      rows.by_number = nullptr;
      rows.count = static_cast<size_t>(std::upper_bound(labels, labels + count, as_of) - labels);
    }
    return rows;
  }
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_ROWS_H_
