// How the vectors of a segment lie in memory: plain arrays, the same for a chunk of a growing
// segment and for a mapped file, so that scanning, filtering and lookups are written once.
#ifndef VECNEST_INDEX_ROWS_H_
#define VECNEST_INDEX_ROWS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "index/deletion_marks.h"
#include "index/kernels/widen.h"
#include "index/prefetch.h"
#include "index/types.h"
#include "index/value_format.h"

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

// Rows are padded with zeros to a multiple of 16 components: of f32, so that each starts on a cache
// line.
constexpr size_t RowStride(size_t dimensions) { return (dimensions + 15) / 16 * 16; }

// Where the vector of a row is widened to f32 when it is not stored so. Used by one thread.
class VectorBuffer {
 public:
  float* Floats(size_t count) {
    if (floats_.size() < count) floats_.resize(count);
    return floats_.data();
  }

 private:
  std::vector<float> floats_;
};

// A view of `count` rows in ascending order of label. Owns nothing; the segment it was taken from
// must outlive it. Everything but the marks is immutable; a mark is set by the index's writer.
struct Rows {
  static constexpr size_t kPrefetchLines = 24;

  size_t count = 0;
  size_t stride = 0;  // components from one vector to the next
  ValueFormat format = ValueFormat::kF32;
  const Label* labels = nullptr;
  const StoredKey* keys = nullptr;
  const PointNumber* numbers = nullptr;
  const uint32_t* by_number = nullptr;   // rows in ascending order of number; null: not known
  const float* inverse_norms = nullptr;  // of the whole vectors; 0 for a zero vector
  const void* vectors = nullptr;
  DeletionMarks* marks = nullptr;

  // The vector of a row: where it lies, or in `buffer` until that is used again.
  const float* Vector(size_t row, VectorBuffer& buffer) const {
    if (format == ValueFormat::kF32) return static_cast<const float*>(vectors) + row * stride;
    const uint16_t* narrow = static_cast<const uint16_t*>(vectors) + row * stride;
    float* values = buffer.Floats(stride);
    const kernels::WidenKernels& widen = kernels::Widening();
    (format == ValueFormat::kF16 ? widen.f16 : widen.bf16)(narrow, stride, values);
    return values;
  }

  // Asks for the first `dimensions` values of a row that is read soon. Rows are visited in jumps,
  // which the processor's own prefetcher does not foresee.
  void Prefetch(size_t row, size_t dimensions) const {
    const size_t bytes = ValueBytes(format);
    PrefetchBytes(static_cast<const char*>(vectors) + row * stride * bytes,
                  std::min(dimensions * bytes, kPrefetchLines * kCacheLine));
  }

  // Asks for what an answer with the row says of it.
  void PrefetchPoint(size_t row) const {
    PrefetchBytes(inverse_norms + row, sizeof(float));
    PrefetchBytes(keys + row, sizeof(StoredKey));
    PrefetchBytes(&keys[row].low, sizeof(uint64_t));  // may be on the next line
    PrefetchBytes(labels + row, sizeof(Label));
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
