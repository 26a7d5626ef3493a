#include "engine/evaluation/exact_search.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "embedder/matrix_product.h"
#include "embedder/status_macros.h"
#include "engine/conversions.h"
#include "index/scorer.h"

namespace vecnest::engine::evaluation {
namespace {

// Queries that share each reading of the rows, and rows that they share while these are in the
// cache.
constexpr size_t kQueryBlock = 16;
constexpr size_t kRowBlock = 64;

class QueryBlock {
 public:
  QueryBlock(const VectorMatrix& queries, size_t first, const ExactSearch& search, size_t rows)
      : costs_(kQueryBlock * rows), rows_(rows) {
    const size_t end = std::min(first + kQueryBlock, queries.count());
    for (size_t i = first; i < end; ++i) {
      scorers_.emplace_back(ToIndexMetric(search.metric), queries.Row(i), queries.width,
                            index::Renormalize::kNo);
    }
  }

  absl::Status Score(const VectorMatrix& rows, absl::Span<const float> inverse_norms,
                     const CallLimits& limits) {
    for (size_t first = 0; first < rows_; first += kRowBlock) {
      if (first % (kRowBlock * kRowBlock) == 0) VECNEST_RETURN_IF_ERROR(limits.Check());
      const size_t end = std::min(first + kRowBlock, rows_);
      for (size_t q = 0; q < scorers_.size(); ++q) {
        float* costs = costs_.data() + q * rows_;
        for (size_t row = first; row < end; ++row) {
          costs[row] = scorers_[q].Cost(rows.Row(row).data(), inverse_norms[row]);
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Span<const float> Costs(size_t query) const {
    return {costs_.data() + query * rows_, rows_};
  }
  size_t size() const { return scorers_.size(); }

 private:
  std::vector<index::Scorer> scorers_;
  std::vector<float> costs_;  // row after row of each query
  const size_t rows_;
};

std::vector<uint32_t> Nearest(absl::Span<const float> costs, const ExactSearch& search) {
  std::vector<uint32_t> order(costs.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  const auto tie = [&](uint32_t row) {
    return search.tie_order.empty() ? row : search.tie_order[row];
  };
  const size_t kept = std::min(search.limit, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(kept), order.end(),
                    [&](uint32_t a, uint32_t b) {
                      return std::make_tuple(costs[a], tie(a)) < std::make_tuple(costs[b], tie(b));
                    });
  order.resize(kept);
  return order;
}

}  // namespace

size_t ExactSearchBytes(size_t rows, size_t threads) {
  return threads * rows * (kQueryBlock * sizeof(float) + sizeof(uint32_t));
}

absl::Status SearchExactly(const VectorMatrix& queries, const VectorMatrix& rows,
                           const ExactSearch& search, const CallLimits& limits, NearestSink sink) {
  const std::vector<float> inverse_norms = InverseNorms(rows);
  const size_t blocks = (queries.count() + kQueryBlock - 1) / kQueryBlock;
  return embedder::Workers(search.threads).Run(blocks, [&](size_t block) -> absl::Status {
    const size_t first = block * kQueryBlock;
    QueryBlock queries_of_block(queries, first, search, rows.count());
    VECNEST_RETURN_IF_ERROR(queries_of_block.Score(rows, inverse_norms, limits));
    for (size_t q = 0; q < queries_of_block.size(); ++q) {
      sink(first + q, Nearest(queries_of_block.Costs(q), search));
    }
    return absl::OkStatus();
  });
}

}  // namespace vecnest::engine::evaluation
