// Distances between the rows of a segment: what graphs are built by (hnsw_builder.h).
//
// Equal vectors are told apart by where their row numbers fall on a line. If all of them had
// distance 0, more of them than a row has links would link to nothing but each other, and a walk
// that gets among them would never leave. On the line each needs two links to the others. Floats
// tell apart a hundred thousand that are equal well enough: by the dot product, where they are
// fewest, about a dozen of them share a place.
#ifndef VECNEST_INDEX_ROW_DISTANCE_H_
#define VECNEST_INDEX_ROW_DISTANCE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "hwy/aligned_allocator.h"
#include "index/kernels/code_distance.h"
#include "index/kernels/distance.h"
#include "index/metric.h"
#include "index/prefetch.h"
#include "index/quantizer.h"
#include "index/rows.h"

namespace vecnest::index {

// Of vectors, by L1. Views the rows; may be shared by threads.
class VectorDistance {
 public:
  // The distances of one row to many. Used by one thread.
  class FromRow {
   public:
    // Of the row from now on, as long as there is the distance.
    void Start(const VectorDistance& distance, uint32_t row);
    void To(absl::Span<const uint32_t> rows, float* distances) const;

    FromRow() = default;
    FromRow(const FromRow&) = delete;  // it views what it owns
    FromRow& operator=(const FromRow&) = delete;

   private:
    const VectorDistance* distance_ = nullptr;
    uint32_t row_ = 0;
    VectorBuffer buffer_;
    const float* vector_ = nullptr;
  };

  VectorDistance(const Rows& rows, size_t dimensions) : rows_(rows), dimensions_(dimensions) {}

  float operator()(uint32_t a, uint32_t b) const;
  void Prefetch(uint32_t row) const { rows_.Prefetch(row, dimensions_); }

 private:
  float Of(uint32_t a, const float* vector, uint32_t b) const;

  const kernels::DistanceKernels& kernels_ = kernels::Distances();
  const Rows rows_;
  const size_t dimensions_;
};

// Of codes of more than one bit: the dot product's negative for a graph of that metric, else the
// squared Euclidean distance, which for vectors of unit length is that of the cosine; in squares of
// the codes' step. Views the codes; may be shared by threads.
class CodeDistance {
 public:
  // The distances of one row to many, faster than one by one and the same. Used by one thread.
  class FromRow {
   public:
    // Of the row from now on, as long as there is the distance.
    void Start(const CodeDistance& distance, uint32_t row);
    void To(absl::Span<const uint32_t> rows, float* distances);

   private:
    const CodeDistance* distance_ = nullptr;
    uint32_t row_ = 0;
    size_t room_ = 0;
    hwy::AlignedFreeUniquePtr<int8_t[]> numbers_;  // that the row's code stands for
    int64_t sum_ = 0;
    std::vector<int32_t> dots_;
  };

  CodeDistance(const CodeView& codes, const Rows& rows, Metric metric);

  float operator()(uint32_t a, uint32_t b) const { return Of(a, b, Product(a, b)); }
  void Prefetch(uint32_t row) const {
    codes_.Prefetch(row, codes_.stride);
    PrefetchBytes(&norms_squared_[row], sizeof(int32_t));
  }

 private:
  int32_t Product(uint32_t a, uint32_t b) const {
    return kernels_.dot_codes(codes_.Code(a), codes_.Code(b), padded_);
  }
  float Of(uint32_t a, uint32_t b, int32_t product) const {
    const int32_t distance = norms_squared_[a] + norms_squared_[b] - 2 * product;
    if (is_dot_) return OfDot(a, b, product, distance > 0);
    return distance > 0 ? static_cast<float>(distance) : OfEqual(a, b);
  }
  float OfDot(uint32_t a, uint32_t b, int32_t product, bool differ) const;
  static float OfEqual(uint32_t a, uint32_t b);
  void AddCenter(const Rows& rows);

  const kernels::CodeKernels& kernels_;
  const CodeView codes_;
  const size_t padded_;  // dimensions in whole blocks
  const bool is_dot_;
  const int32_t padding_;  // what products have of the codes beyond the dimensions
  std::vector<int32_t> norms_squared_;
  std::vector<float> by_center_;  // of the dot product
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_ROW_DISTANCE_H_
