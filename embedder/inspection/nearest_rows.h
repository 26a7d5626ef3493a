// Which rows of a table lie nearest to a vector, and analogies over them.
//
// A guide to this folder, which looks into a loaded model and changes nothing:
//   nearest_rows      neighbours in the table of tokens, or among any vectors; analogies
//   table_terms       a token or word as a vector of the table
//   hidden_layers     the states of a text layer by layer: the residual stream, one vector per
//                     layer
//   word_context      one word in several sentences
//   token_scores      hidden states back to tokens, by the output head
//   word_statistics   which words of a corpus break into many tokens or read rare rows
//   vectors           lengths and angles
// Numbers go out; names of tokens, and all that a user sees, are put to them in engine/inspection.
#ifndef VECNEST_EMBEDDER_INSPECTION_NEAREST_ROWS_H_
#define VECNEST_EMBEDDER_INSPECTION_NEAREST_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/call_control.h"
#include "embedder/encoder.h"

namespace vecnest::embedder {

// Vectors that are read piece by piece.
struct RowSource {
  size_t count = 0;
  size_t width = 0;
  // Writes rows first .. first + rows - 1, row-major.
  std::function<void(size_t first, size_t rows, float* out)> read = {};
  // Rows that are no answer to anything; none when empty.
  std::function<bool(size_t row)> skip = {};
};

// The table of tokens, which outlives the result; `most` rows from its beginning, where files put
// frequent words (0: all). Special tokens are skipped unless wanted.
RowSource TokenTable(const Encoder& encoder, size_t most, bool special);
// Vectors in memory, row-major [*, width], which outlive the result.
RowSource MatrixRows(absl::Span<const float> values, size_t width);

struct ScoredRow {
  size_t row = 0;
  float cosine = 0;
};

struct RowQuery {
  std::vector<float> vector;      // of the rows' width, any length but zero
  std::vector<size_t> leave_out;  // rows
};

// Called now and then, on the calling thread.
using ProgressSink = std::function<void(size_t done, size_t total)>;

// For each query the `limit` rows of largest cosine, best first, equal ones in the order of rows.
// Reads the rows once, whatever the number of queries, on all cores. Cancelled and DeadlineExceeded
// as `control` tells; the matrix library's errors.
absl::StatusOr<std::vector<std::vector<ScoredRow>>> NearestRows(const RowSource& rows,
                                                                absl::Span<const RowQuery> queries,
                                                                size_t limit,
                                                                const CallControl& control,
                                                                const ProgressSink& progress);

// What is to `c` as `a` is to `b`: the row nearest to a - b + c, all of unit length and themselves
// left out (3CosAdd: Mikolov et al. 2013, Levy & Goldberg 2014).
struct Analogy {
  size_t a = 0;
  size_t b = 0;
  size_t c = 0;
};
RowQuery AnalogyQuery(const RowSource& rows, const Analogy& analogy);
// a - b + c, each scaled to unit length before; all of `width` values.
std::vector<float> AnalogyVector(const float* a, const float* b, const float* c, size_t width);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_INSPECTION_NEAREST_ROWS_H_
