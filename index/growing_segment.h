// The segment that new vectors go to: visible at once, scanned exactly.
#ifndef VECNEST_INDEX_GROWING_SEGMENT_H_
#define VECNEST_INDEX_GROWING_SEGMENT_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "index/deletion_marks.h"
#include "index/rows.h"
#include "index/types.h"

namespace vecnest::index {

// Append-only. One writer at a time calls Append; any number of threads read beside it
// without locks, because rows never move and become visible by one atomic count.
class GrowingSegment {
 public:
  explicit GrowingSegment(size_t dimensions) : dimensions_(dimensions) {}

  // `label` must exceed every label in the segment; `vector` has `dimensions` finite values.
  void Append(Label label, const PointKey& key, PointNumber number, absl::Span<const float> vector,
              float inverse_norm);

  size_t count() const { return count_.load(std::memory_order_acquire); }

  // Everything appended so far, in ascending order of label.
  std::vector<Rows> Blocks() const;

  size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Chunk;
  struct FreeChunk {
    void operator()(Chunk* chunk) const;
  };
  using ChunkPtr = std::unique_ptr<Chunk, FreeChunk>;

  // Chunk i holds kFirstChunk << i rows, so a fixed table of chunks is never too small and a
  // reader never meets a table that is being moved.
  static constexpr size_t kFirstChunk = 256;
  static constexpr size_t kMaxChunks = 32;

  const size_t dimensions_;
  std::array<ChunkPtr, kMaxChunks> chunks_;  // written before the count that makes them visible
  std::atomic<size_t> count_ = 0;
  std::atomic<size_t> memory_bytes_ = 0;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_GROWING_SEGMENT_H_
