#include "index/growing_segment.h"

#include <algorithm>
#include <bit>
#include <new>

namespace vecnest::index {
namespace {

constexpr std::align_val_t kCacheLine{64};

struct FreeFloats {
  void operator()(float* floats) const { ::operator delete(floats, kCacheLine); }
};

struct Position {
  size_t chunk = 0;
  size_t row = 0;
};

// Where the row `index` of the segment lies when chunk i holds first << i rows.
Position Locate(size_t index, size_t first) {
  const size_t chunk = std::bit_width(index / first + 1) - 1;
  return {chunk, index - ((first << chunk) - first)};
}

}  // namespace

// Only the vectors are left uninitialised: their pages cost nothing until they are written.
struct GrowingSegment::Chunk {
  Chunk(size_t rows, size_t stride)
      : labels(rows),
        keys(rows),
        numbers(rows),
        inverse_norms(rows),
        vectors(static_cast<float*>(::operator new(rows * stride * sizeof(float), kCacheLine))),
        marks(rows) {}

  std::vector<Label> labels;
  std::vector<StoredKey> keys;
  std::vector<PointNumber> numbers;
  std::vector<float> inverse_norms;
  std::unique_ptr<float, FreeFloats> vectors;
  DeletionMarks marks;
};

void GrowingSegment::FreeChunk::operator()(Chunk* chunk) const { delete chunk; }

void GrowingSegment::Append(Label label, const PointKey& key, PointNumber number,
                            absl::Span<const float> vector, float inverse_norm) {
  const size_t stride = RowStride(dimensions_);
  const size_t count = count_.load(std::memory_order_relaxed);
  const Position position = Locate(count, kFirstChunk);
  ChunkPtr& chunk = chunks_[position.chunk];
  if (chunk == nullptr) {
    const size_t rows = kFirstChunk << position.chunk;
    chunk.reset(new Chunk(rows, stride));
    memory_bytes_.fetch_add(rows * (stride * sizeof(float) + sizeof(Label) + sizeof(StoredKey) +
                                    sizeof(PointNumber) + sizeof(float) + sizeof(Label)),
                            std::memory_order_relaxed);
  }
  chunk->labels[position.row] = label;
  chunk->keys[position.row] = Store(key);
  chunk->numbers[position.row] = number;
  chunk->inverse_norms[position.row] = inverse_norm;
  float* row = chunk->vectors.get() + position.row * stride;
  std::fill(std::copy(vector.begin(), vector.end(), row), row + stride, 0.0F);
  count_.store(count + 1, std::memory_order_release);
}

std::vector<Rows> GrowingSegment::Blocks() const {
  std::vector<Rows> blocks;
  size_t left = count();
  for (size_t i = 0; left > 0; ++i) {
    Chunk& chunk = *chunks_[i];
    Rows rows;
    rows.count = std::min(left, kFirstChunk << i);
    rows.stride = RowStride(dimensions_);
    rows.labels = chunk.labels.data();
    rows.keys = chunk.keys.data();
    rows.numbers = chunk.numbers.data();
    rows.inverse_norms = chunk.inverse_norms.data();
    rows.vectors = chunk.vectors.get();
    rows.marks = &chunk.marks;
    left -= rows.count;
    blocks.push_back(rows);
  }
  return blocks;
}

}  // namespace vecnest::index
