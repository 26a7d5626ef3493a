#include "index/growing_segment.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <utility>

namespace vecnest::index {
namespace {

constexpr std::align_val_t kCacheLine{64};

// Until a run is full its rows are scanned exactly, which costs eight times as much a row.
constexpr size_t kRunRows = 256;
// Where runs have centers and steps of their own fewer scorers have to be made.
constexpr size_t kSeparateRunRows = 1024;

// Mean squared errors of a component, in codes: that of rounding, and twelve times as much, from
// which on a row does not fit. By 4 bits the worst of 1,024 MiniLM vectors have .15 to .24. By 8,
// whose steps leave out rare components by more codes, they have 1 to 17, and few runs fit.
constexpr float kErrorOfRounding = 1.0F / 12;
constexpr float kLargestError = 1;

// A run of 4 bits shares the center and the step of the one before as long as the worst of its rows
// fits so well, and a step of its own would not be much smaller. So codes fit whatever is imported
// in which order, and where all rows are alike one scorer serves for a block of them.
constexpr float kLargestSharedError = 0.3F;
constexpr float kLargestSharedStep = 1.2F;

// By 8 bits hardly any run would fit another's.
bool SharesCodes(const CodeFormat& format) { return format.bits == 4; }

struct FreeAligned {
  void operator()(void* memory) const { ::operator delete(memory, kCacheLine); }
};

template <class T>
std::unique_ptr<T, FreeAligned> AllocateAligned(size_t count) {
  return std::unique_ptr<T, FreeAligned>(
      static_cast<T*>(::operator new(count * sizeof(T), kCacheLine)));
}

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

// Vectors and codes are left uninitialised: their pages cost nothing until they are written.
struct GrowingSegment::Chunk {
  Chunk(size_t rows, size_t stride, size_t code_stride, size_t runs)
      : labels(rows),
        keys(rows),
        numbers(rows),
        inverse_norms(rows),
        vectors(AllocateAligned<float>(rows * stride)),
        marks(rows),
        codes(AllocateAligned<uint8_t>(rows * code_stride)),
        quantizers(runs),
        errors(runs) {}

  std::vector<Label> labels;
  std::vector<StoredKey> keys;
  std::vector<PointNumber> numbers;
  std::vector<float> inverse_norms;
  std::unique_ptr<float, FreeAligned> vectors;
  DeletionMarks marks;
  std::unique_ptr<uint8_t, FreeAligned> codes;
  // By run; set once its rows are there.
  std::vector<std::shared_ptr<const Quantizer>> quantizers;
  std::vector<float> errors;  // the largest of a run
};

void GrowingSegment::FreeChunk::operator()(Chunk* chunk) const { delete chunk; }

size_t GrowingSegment::RunRows(size_t chunk) const {
  return std::min(kFirstChunk << chunk, SharesCodes(format_) ? kRunRows : kSeparateRunRows);
}

void GrowingSegment::Append(Label label, const PointKey& key, PointNumber number,
                            absl::Span<const float> vector, float inverse_norm) {
  const size_t stride = RowStride(dimensions_);
  const size_t count = count_.load(std::memory_order_relaxed);
  const Position position = Locate(count, kFirstChunk);
  const size_t run_rows = RunRows(position.chunk);
  ChunkPtr& chunk = chunks_[position.chunk];
  if (chunk == nullptr) {
    const size_t rows = kFirstChunk << position.chunk;
    const size_t code_stride = format_.Bytes(dimensions_);
    const size_t runs = rows / run_rows;
    chunk.reset(new Chunk(rows, stride, code_stride, runs));
    memory_bytes_.fetch_add(
        rows * (stride * sizeof(float) + code_stride + sizeof(Label) + sizeof(StoredKey) +
                sizeof(PointNumber) + sizeof(float) + sizeof(Label)) +
            runs * (sizeof(std::shared_ptr<const Quantizer>) + sizeof(Quantizer) +
                    (dimensions_ + 1) * sizeof(float)),
        std::memory_order_relaxed);
  }
  chunk->labels[position.row] = label;
  chunk->keys[position.row] = Store(key);
  chunk->numbers[position.row] = number;
  chunk->inverse_norms[position.row] = inverse_norm;
  float* row = chunk->vectors.get() + position.row * stride;
  std::fill(std::copy(vector.begin(), vector.end(), row), row + stride, 0.0F);
  // Before the last row of a run is visible: whoever sees the run finds its codes.
  if (format_.bits > 0 && (position.row + 1) % run_rows == 0) {
    EncodeRun(*chunk, position.row / run_rows, run_rows);
  }
  count_.store(count + 1, std::memory_order_release);
}

void GrowingSegment::EncodeRun(Chunk& chunk, size_t run, size_t rows) {
  const size_t first = run * rows;
  const size_t stride = RowStride(dimensions_);
  Rows fitted;
  fitted.count = rows;
  fitted.stride = stride;
  fitted.inverse_norms = chunk.inverse_norms.data() + first;
  fitted.vectors = chunk.vectors.get() + first * stride;
  uint8_t* const codes = chunk.codes.get() + first * format_.Bytes(dimensions_);
  auto own = std::make_shared<const Quantizer>(Quantizer::Fit(fitted, dimensions_, format_));
  float error = std::numeric_limits<float>::infinity();
  if (last_ != nullptr && SharesCodes(format_) &&
      last_->step() <= kLargestSharedStep * own->step()) {
    error = last_->EncodeAll(fitted, codes, 1, nullptr);
  }
  if (!(error <= kLargestSharedError)) {
    last_ = std::move(own);
    error = last_->EncodeAll(fitted, codes, 1, nullptr);
  }
  chunk.quantizers[run] = last_;
  chunk.errors[run] = error;
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

std::vector<CodedRun> GrowingSegment::CodedRuns(size_t block) const {
  std::vector<CodedRun> runs;
  if (format_.bits == 0) return runs;
  const size_t before = (kFirstChunk << block) - kFirstChunk;
  const size_t all = count();
  if (all <= before) return runs;
  const size_t run_rows = RunRows(block);
  const size_t full = std::min(all - before, kFirstChunk << block) / run_rows;
  const Chunk& chunk = *chunks_[block];
  for (size_t run = 0; run < full; ++run) {
    const float error = chunk.errors[run];
    const bool all_fit = error < kLargestError;
    const float worst = std::max(std::sqrt(error / kErrorOfRounding), 1.0F);
    if (run > 0 && chunk.quantizers[run] == chunk.quantizers[run - 1] && runs.back().all_fit) {
      runs.back().count += run_rows;
      runs.back().worst = std::max(runs.back().worst, worst);
      continue;
    }
    const CodeView codes = chunk.quantizers[run]->View(chunk.codes.get());
    runs.push_back({run * run_rows, run_rows, codes, all_fit, worst});
  }
  return runs;
}

}  // namespace vecnest::index
