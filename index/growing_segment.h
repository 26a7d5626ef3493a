// The segment that new vectors go to: visible at once, and scanned. By codes, where there are any:
// a scan is bound by the bytes it reads, and those of a code are an eighth or a quarter.
#ifndef VECNEST_INDEX_GROWING_SEGMENT_H_
#define VECNEST_INDEX_GROWING_SEGMENT_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "index/deletion_marks.h"
#include "index/metric.h"
#include "index/quantizer.h"
#include "index/rows.h"
#include "index/types.h"

namespace vecnest::index {

// Consecutive rows of a block that share a center and a step. `codes` are by their numbers in the
// block.
struct CodedRun {
  size_t first = 0;
  size_t count = 0;
  CodeView codes;
  // Whether no row lies far beyond what codes stand for, as one may that is unlike all others.
  bool all_fit = false;
  // How many times as large as that of rounding the error of the row is that fits worst.
  float worst = 1;
};

// Append-only. One writer at a time calls Append; any number of threads read beside it
// without locks, because rows never move and become visible by one atomic count.
class GrowingSegment {
 public:
  // Codes are those that serve `metric`.
  GrowingSegment(size_t dimensions, Metric metric)
      : dimensions_(dimensions), metric_(metric), format_(CodeFormat::For(metric, dimensions)) {}

  // Whoever fills a run codes its rows: 1 ms for 256 of 384 dimensions, twice that where they are
  // unlike those before; on average nothing beside what writing the rows to the log took.
  //
  // `label` must exceed every label in the segment; `vector` has `dimensions` finite values.
  void Append(Label label, const PointKey& key, PointNumber number, absl::Span<const float> vector,
              float inverse_norm);

  size_t count() const { return count_.load(std::memory_order_acquire); }

  // Everything appended so far, in ascending order of label.
  std::vector<Rows> Blocks() const;

  // The coded rows of the `block`-th of Blocks(), which are its first. None where codes do not
  // serve the metric.
  std::vector<CodedRun> CodedRuns(size_t block) const;

  Metric metric() const { return metric_; }
  // At most, as if no run shared its center.
  size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Chunk;
  struct FreeChunk {
    void operator()(Chunk* chunk) const;
  };
  using ChunkPtr = std::unique_ptr<Chunk, FreeChunk>;

  // How many rows are coded together.
  size_t RunRows(size_t chunk) const;
  void EncodeRun(Chunk& chunk, size_t run, size_t rows);

  // Chunk i holds kFirstChunk << i rows, so a fixed table of chunks is never too small and a
  // reader never meets a table that is being moved.
  static constexpr size_t kFirstChunk = 256;
  static constexpr size_t kMaxChunks = 32;

  const size_t dimensions_;
  const Metric metric_;
  const CodeFormat format_;
  std::array<ChunkPtr, kMaxChunks> chunks_;  // written before the count that makes them visible
  std::shared_ptr<const Quantizer> last_;    // of the last run; the writer's
  std::atomic<size_t> count_ = 0;
  std::atomic<size_t> memory_bytes_ = 0;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_GROWING_SEGMENT_H_
