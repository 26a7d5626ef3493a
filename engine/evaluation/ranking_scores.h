// Scores of a ranked list of documents, as trec_eval defines them.
#ifndef VECNEST_ENGINE_EVALUATION_RANKING_SCORES_H_
#define VECNEST_ENGINE_EVALUATION_RANKING_SCORES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"

namespace vecnest::engine::evaluation {

// What people said about documents for one query. A grade of 1 or more is relevant; a document
// without one is not.
struct Judgements {
  absl::flat_hash_map<uint32_t, int> grades = {};  // by document
  // Grades of relevant documents that are not in the corpus: they are never found, but count.
  std::vector<int> missing = {};

  int GradeOf(uint32_t document) const;
  size_t Relevant() const;
};

// Each takes the documents best first. Without any relevant document all are 0.

// Discounted cumulative gain of the first k over the largest possible one (Järvelin and Kekäläinen,
// 2002), with the grades as gains and discounts log2(rank + 1).
double NdcgAt(size_t k, absl::Span<const uint32_t> ranking, const Judgements& judgements);
// Share of the relevant documents that are among the first k.
double RecallAt(size_t k, absl::Span<const uint32_t> ranking, const Judgements& judgements);
// 1 / rank of the first relevant document; 0 when it is not among the first k.
double ReciprocalRankAt(size_t k, absl::Span<const uint32_t> ranking, const Judgements& judgements);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_RANKING_SCORES_H_
