#include "embedder/inspection/nearest_rows.h"

#include <algorithm>
#include <cstring>

#include "embedder/architecture.h"
#include "embedder/inspection/vectors.h"
#include "embedder/matrix_product.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

// Rows of the table that are read at a time, and queries that one thread compares with them: their
// products (half a megabyte) stay in the second-level cache.
constexpr size_t kBlockRows = 2048;
constexpr size_t kPieceQueries = 64;

void AddScaled(const float* from, double scale, size_t width, std::vector<float>* sum) {
  const double norm = Norm(from, width);
  if (norm == 0) return;
  for (size_t i = 0; i < width; ++i) {
    (*sum)[i] += static_cast<float>(scale / norm * from[i]);
  }
}

void ScaleToUnit(float* row, size_t width) {
  const double norm = Norm(row, width);
  if (norm == 0) return;
  for (size_t i = 0; i < width; ++i) row[i] = static_cast<float>(row[i] / norm);
}

bool IsBetter(const ScoredRow& a, const ScoredRow& b) {
  return a.cosine != b.cosine ? a.cosine > b.cosine : a.row < b.row;
}

// The best rows seen so far for one query.
class Best {
 public:
  void Offer(const ScoredRow& row, size_t limit, const RowQuery& query) {
    if (rows_.size() == limit && !IsBetter(row, rows_.front())) return;
    const auto& out = query.leave_out;
    if (std::find(out.begin(), out.end(), row.row) != out.end()) return;
    if (rows_.size() == limit) {
      std::pop_heap(rows_.begin(), rows_.end(), IsBetter);
      rows_.pop_back();
    }
    rows_.push_back(row);
    std::push_heap(rows_.begin(), rows_.end(), IsBetter);
  }

  std::vector<ScoredRow> Take() {
    std::sort_heap(rows_.begin(), rows_.end(), IsBetter);
    return std::move(rows_);
  }

 private:
  std::vector<ScoredRow> rows_;  // a heap, the worst in front
};

// Some rows of unit length, and which of them count.
struct Block {
  size_t first = 0;
  size_t rows = 0;
  std::vector<float> values;
  std::vector<bool> counts;

  void Read(const RowSource& source, size_t from) {
    first = from;
    rows = std::min(kBlockRows, source.count - from);
    values.resize(rows * source.width);
    counts.assign(rows, true);
    source.read(first, rows, values.data());
    for (size_t r = 0; r < rows; ++r) {
      ScaleToUnit(values.data() + r * source.width, source.width);
      if (source.skip) counts[r] = !source.skip(first + r);
    }
  }
};

}  // namespace

RowSource TokenTable(const Encoder& encoder, size_t most, bool special) {
  const Architecture* architecture = encoder.parts().architecture;
  const size_t width = architecture->shape().width;
  const size_t tokens = architecture->shape().vocabulary;
  RowSource source;
  source.count = most == 0 ? tokens : std::min(most, tokens);
  source.width = width;
  source.read = [architecture, width](size_t first, size_t rows, float* out) {
    for (size_t r = 0; r < rows; ++r) {
      architecture->TokenRow(static_cast<int32_t>(first + r), out + r * width);
    }
  };
  if (special) return source;
  source.skip = [vocabulary = &encoder.vocabulary()](size_t row) {
    return vocabulary->IsSpecial(static_cast<int32_t>(row));
  };
  return source;
}

RowSource MatrixRows(absl::Span<const float> values, size_t width) {
  RowSource source;
  source.count = values.size() / width;
  source.width = width;
  source.read = [values, width](size_t first, size_t rows, float* out) {
    std::memcpy(out, values.data() + first * width, rows * width * sizeof(float));
  };
  return source;
}

absl::StatusOr<std::vector<std::vector<ScoredRow>>> NearestRows(const RowSource& rows,
                                                                absl::Span<const RowQuery> queries,
                                                                size_t limit,
                                                                const CallControl& control,
                                                                const ProgressSink& progress) {
  const size_t width = rows.width;
  std::vector<float> vectors;
  vectors.reserve(queries.size() * width);
  for (const RowQuery& query : queries) {
    vectors.insert(vectors.end(), query.vector.begin(), query.vector.end());
    ScaleToUnit(vectors.data() + vectors.size() - width, width);
  }
  std::vector<Best> best(queries.size());
  Block block;
  const auto compare = [&](size_t piece) -> absl::Status {
    const size_t begin = piece * kPieceQueries;
    const size_t end = std::min(begin + kPieceQueries, queries.size());
    std::vector<float> cosines((end - begin) * block.rows);
    VECNEST_RETURN_IF_ERROR(Multiply({vectors.data() + begin * width, width, false},
                                     {block.values.data(), width, true},
                                     {end - begin, width, block.rows}, cosines.data(), block.rows));
    for (size_t q = begin; q < end; ++q) {
      const float* row = cosines.data() + (q - begin) * block.rows;
      for (size_t r = 0; r < block.rows; ++r) {
        if (block.counts[r]) best[q].Offer({block.first + r, row[r]}, limit, queries[q]);
      }
    }
    return absl::OkStatus();
  };
  const Workers workers(0);
  const size_t pieces = (queries.size() + kPieceQueries - 1) / kPieceQueries;
  for (size_t first = 0; first < rows.count; first += kBlockRows) {
    VECNEST_RETURN_IF_ERROR(control.Check());
    block.Read(rows, first);
    VECNEST_RETURN_IF_ERROR(workers.Run(pieces, compare));
    if (progress) progress(first + block.rows, rows.count);
  }
  std::vector<std::vector<ScoredRow>> nearest;
  nearest.reserve(best.size());
  for (Best& of_query : best) nearest.push_back(of_query.Take());
  return nearest;
}

std::vector<float> AnalogyVector(const float* a, const float* b, const float* c, size_t width) {
  std::vector<float> sum(width);
  AddScaled(a, 1, width, &sum);
  AddScaled(b, -1, width, &sum);
  AddScaled(c, 1, width, &sum);
  return sum;
}

RowQuery AnalogyQuery(const RowSource& rows, const Analogy& analogy) {
  std::vector<float> terms(3 * rows.width);
  float* out = terms.data();
  for (const size_t row : {analogy.a, analogy.b, analogy.c}) {
    rows.read(row, 1, out);
    out += rows.width;
  }
  const float* a = terms.data();
  return {AnalogyVector(a, a + rows.width, a + 2 * rows.width, rows.width),
          {analogy.a, analogy.b, analogy.c}};
}

}  // namespace vecnest::embedder
