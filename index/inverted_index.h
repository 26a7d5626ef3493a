// Sparse vectors by their dimensions: for each, the documents that have weight in it. Scores are
// dot products, so BM25 is served as well as learned sparse models.
#ifndef VECNEST_INDEX_INVERTED_INDEX_H_
#define VECNEST_INDEX_INVERTED_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"

namespace vecnest::index {

struct SparseTerm {
  uint32_t dimension = 0;
  float weight = 0;
};

// Immutable once it was built; Search may be called from any thread.
class InvertedIndex {
 public:
  struct Hit {
    uint32_t document = 0;
    float score = 0;
  };

  // Collects documents, which are numbered from 0 in the order they come in.
  class Builder {
   public:
    // InvalidArgument, and nothing is added, where a weight is not finite and positive or a
    // dimension comes twice. A document without terms is one that no query finds.
    absl::Status Add(absl::Span<const SparseTerm> terms);
    // Leaves the builder empty.
    InvertedIndex Build();

   private:
    uint32_t documents_ = 0;
    absl::flat_hash_map<uint32_t, std::vector<SparseTerm>> lists_;  // documents for dimensions
    std::vector<uint32_t> seen_;
  };

  // The `count` documents of the largest positive scores, best first, equal ones by number. Exact:
  // lists that can't bring a document among these are only looked into (MaxScore; Turtle & Flood,
  // 1995). Terms whose weight is not finite and positive are left out.
  std::vector<Hit> Search(absl::Span<const SparseTerm> query, size_t count) const;

  uint32_t documents() const { return documents_; }
  // How many documents have weight in a dimension.
  size_t ListSize(uint32_t dimension) const;

 private:
  struct List {
    size_t begin = 0;  // in postings_
    size_t end = 0;
    float most = 0;  // of the weights
  };
  uint32_t documents_ = 0;
  absl::flat_hash_map<uint32_t, List> lists_;
  // Here `dimension` is a document's number, ascending in each list.
  std::vector<SparseTerm> postings_;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_INVERTED_INDEX_H_
