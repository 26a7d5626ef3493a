#include "embedder/pair_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

// Numbers rows so that equal ones have the same.
class RowNumbers {
 public:
  std::vector<size_t> Number(const TrainingRows& rows) {
    std::vector<size_t> numbers(rows.size());
    for (size_t row = 0; row < rows.size(); ++row) {
      const absl::Span<const float> values = rows.Raw(row);
      const std::string_view bytes(reinterpret_cast<const char*>(values.data()),
                                   values.size() * sizeof(float));
      numbers[row] = numbers_.try_emplace(bytes, numbers_.size()).first->second;
    }
    return numbers;
  }
  size_t size() const { return numbers_.size(); }

 private:
  absl::flat_hash_map<std::string_view, size_t> numbers_;
};

std::vector<size_t> DirectedPairs(const TrainingRows& queries, const TrainingRows& positives) {
  std::vector<size_t> pairs;
  for (const size_t row : queries.directed()) {
    if (positives.IsDirected(row)) pairs.push_back(row);
  }
  return pairs;
}

}  // namespace

absl::StatusOr<PairBatches> PairBatches::Create(const AdaptorPairs& pairs, size_t dimensions) {
  VECNEST_ASSIGN_OR_RETURN(TrainingRows queries,
                           TrainingRows::Create(pairs.queries, dimensions, "queries"));
  VECNEST_ASSIGN_OR_RETURN(TrainingRows positives,
                           TrainingRows::Create(pairs.positives, dimensions, "positives"));
  VECNEST_ASSIGN_OR_RETURN(TrainingRows negatives,
                           TrainingRows::Create(pairs.negatives, dimensions, "negatives"));
  if (positives.size() != queries.size() ||
      negatives.size() != queries.size() * pairs.negatives_per_pair) {
    return absl::InvalidArgumentError(
        fmt::format("{} queries with {} positives and {} negatives are no pairs of {} negatives",
                    queries.size(), positives.size(), negatives.size(), pairs.negatives_per_pair));
  }
  return PairBatches(std::move(queries), std::move(positives), std::move(negatives),
                     pairs.negatives_per_pair);
}

PairBatches::PairBatches(TrainingRows queries, TrainingRows positives, TrainingRows negatives,
                         size_t negatives_per_pair)
    : queries_(std::move(queries)),
      positives_(std::move(positives)),
      negatives_(std::move(negatives)),
      negatives_per_pair_(negatives_per_pair),
      pairs_(DirectedPairs(queries_, positives_)),
      deck_(pairs_.size()) {
  NumberRows();
}

void PairBatches::NumberRows() {
  RowNumbers of_queries;
  query_numbers_ = of_queries.Number(queries_);
  RowNumbers of_candidates;
  positive_numbers_ = of_candidates.Number(positives_);
  negative_numbers_ = of_candidates.Number(negatives_);
  wanted_.resize(of_queries.size());
  for (const Pair pair : pairs_) {
    std::vector<size_t>& wanted = wanted_[query_numbers_[pair]];
    const size_t number = positive_numbers_[pair];
    if (std::find(wanted.begin(), wanted.end(), number) == wanted.end()) wanted.push_back(number);
  }
}

void PairBatches::Next(size_t count, std::mt19937_64* random, PrefixBatch* batch) {
  const size_t dimensions = queries_.dimensions();
  batch->query_count = count;
  batch->candidate_count = count * (1 + negatives_per_pair_);
  batch->queries.resize(count * dimensions);
  batch->candidates.resize(batch->candidate_count * dimensions);
  std::vector<Pair> drawn(count);
  float* query = batch->queries.data();
  float* positive = batch->candidates.data();
  float* negative = positive + count * dimensions;
  for (Pair& pair : drawn) {
    pair = pairs_[deck_.Draw(random)];
    queries_.CopyUnit(pair, query);
    positives_.CopyUnit(pair, positive);
    query += dimensions;
    positive += dimensions;
    for (size_t i = 0; i < negatives_per_pair_; ++i) {
      negatives_.CopyUnit(pair * negatives_per_pair_ + i, negative);
      negative += dimensions;
    }
  }
  SetTargets(drawn, batch);
}

void PairBatches::SetTargets(const std::vector<Pair>& drawn, PrefixBatch* batch) const {
  absl::flat_hash_map<size_t, std::vector<size_t>> places;  // in the batch, by a row's number
  for (size_t i = 0; i < drawn.size(); ++i) {
    places[positive_numbers_[drawn[i]]].push_back(i);
    for (size_t j = 0; j < negatives_per_pair_; ++j) {
      places[negative_numbers_[drawn[i] * negatives_per_pair_ + j]].push_back(
          drawn.size() + i * negatives_per_pair_ + j);
    }
  }
  batch->targets.assign(batch->query_count * batch->candidate_count, 0);
  std::vector<size_t> found;
  for (size_t i = 0; i < drawn.size(); ++i) {
    found.clear();
    for (const size_t number : wanted_[query_numbers_[drawn[i]]]) {
      const auto place = places.find(number);
      if (place == places.end()) continue;
      found.insert(found.end(), place->second.begin(), place->second.end());
    }
    for (const size_t place : found) {
      batch->targets[i * batch->candidate_count + place] = 1 / static_cast<float>(found.size());
    }
  }
}

}  // namespace vecnest::embedder
