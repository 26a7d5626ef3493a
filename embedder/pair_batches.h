// Batches of queries and what they should find, for training.
#ifndef VECNEST_EMBEDDER_PAIR_BATCHES_H_
#define VECNEST_EMBEDDER_PAIR_BATCHES_H_

#include <cstddef>
#include <random>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/prefix_loss.h"
#include "embedder/training_rows.h"

namespace vecnest::embedder {

// Queries, each with a row that it should find and, if there are any, rows that it should not. A
// query of several pairs should find all of theirs. All spans hold rows of the same width.
struct AdaptorPairs {
  absl::Span<const float> queries;
  absl::Span<const float> positives;  // as many as queries
  absl::Span<const float> negatives;  // negatives_per_pair for every pair, in their order
  size_t negatives_per_pair = 0;
};

// In a batch every query chooses among the positives of all and the negatives of all. Who is equal
// to what a query should find, bit by bit, is found as well: it is no wrong choice.
class PairBatches {
 public:
  // Pairs whose query or positive is zero are left out. InvalidArgument where sizes do not fit or a
  // number is not finite. The spans outlive this.
  static absl::StatusOr<PairBatches> Create(const AdaptorPairs& pairs, size_t dimensions);

  // Pairs that are left.
  size_t size() const { return pairs_.size(); }
  const TrainingRows& positives() const { return positives_; }

  // Draws the next `count` pairs, at most size().
  void Next(size_t count, std::mt19937_64* random, PrefixBatch* batch);

 private:
  // A pair: the row of its query and positive.
  using Pair = size_t;

  PairBatches(TrainingRows queries, TrainingRows positives, TrainingRows negatives,
              size_t negatives_per_pair);
  void NumberRows();
  void SetTargets(const std::vector<Pair>& drawn, PrefixBatch* batch) const;

  TrainingRows queries_;
  TrainingRows positives_;
  TrainingRows negatives_;
  size_t negatives_per_pair_;
  std::vector<Pair> pairs_;
  Deck deck_;
  // Equal rows have the same number.
  std::vector<size_t> query_numbers_;
  std::vector<size_t> positive_numbers_;
  std::vector<size_t> negative_numbers_;
  // By the number of a query: the numbers of what it should find, each once.
  std::vector<std::vector<size_t>> wanted_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_PAIR_BATCHES_H_
