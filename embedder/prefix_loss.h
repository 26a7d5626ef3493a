// How well prefixes of mapped vectors find what they should find, and how to map better.
#ifndef VECNEST_EMBEDDER_PREFIX_LOSS_H_
#define VECNEST_EMBEDDER_PREFIX_LOSS_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "embedder/matrix_product.h"

namespace vecnest::embedder {

// Queries, what they choose from, and what they should choose.
struct PrefixBatch {
  size_t query_count = 0;
  size_t candidate_count = 0;
  std::vector<float> queries;  // row-major [query_count, dimensions]
  // [candidate_count, dimensions]; empty where queries choose among each other, not themselves.
  std::vector<float> candidates;
  // [query_count, candidate_count]: how likely each candidate should be; rows sum to one.
  std::vector<float> targets;
};

// Makes the targets of queries that choose among each other: softmax(cosine / temperature) at full
// width. Queries are of unit length.
absl::Status SetFullWidthTargets(size_t dimensions, double temperature, const Workers& workers,
                                 PrefixBatch* batch);

// The loss of a map: for every width, the cross entropy between the targets and
// softmax(cosine / temperature) of the prefixes of that width; the mean over the queries, summed
// over the widths.
class PrefixLoss {
 public:
  // `workers` outlives this.
  PrefixLoss(size_t dimensions, std::vector<size_t> widths, double temperature,
             const Workers* workers);

  // `map` is row-major [dimensions, dimensions] and so is `gradient`, which receives the loss's
  // gradient by its elements.
  absl::StatusOr<double> Evaluate(const PrefixBatch& batch, const std::vector<float>& map,
                                  std::vector<float>* gradient);

 private:
  // Mapped rows, and the loss's gradient by them.
  struct Side {
    std::vector<float> mapped;
    std::vector<float> gradient;
  };
  // Prefixes of one width.
  struct Prefixes {
    std::vector<float> units;
    std::vector<float> lengths;
    std::vector<float> gradient;  // by the units, and then by the prefixes
  };
  struct Width {
    size_t width = 0;
    double loss = 0;
    Prefixes queries;
    Prefixes candidates;  // empty where they are the queries
    std::vector<float> scores;
  };

  absl::Status Map(const std::vector<float>& rows, size_t count, const std::vector<float>& map,
                   Side* side) const;
  absl::Status EvaluateWidth(const PrefixBatch& batch, Width* width) const;
  void Take(const Side& side, size_t count, size_t width, Prefixes* prefixes) const;
  void Add(Prefixes* prefixes, size_t count, size_t width, Side* side) const;
  absl::Status AddGradient(const std::vector<float>& rows, size_t count, const Side& side,
                           std::vector<float>* gradient) const;

  size_t dimensions_;
  double temperature_;
  const Workers* workers_;
  Side queries_;
  Side candidates_;
  std::vector<Width> widths_;  // the widest first: pieces of work that take longest
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_PREFIX_LOSS_H_
