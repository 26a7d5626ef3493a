// The exact score of stored vectors against one query, at one metric and width.
//
// Widths. A query may ask for the first d of w dimensions. Cosine is then computed on the prefixes
// with the prefixes' own lengths. For the other metrics there are two readings, and the index picks
// by what it holds:
//   - all live vectors have unit length (Renormalize::kYes): the prefixes of the stored vectors are
//     scaled back to unit length, and the query's prefix to the length of the whole query. This is
//     how matryoshka embeddings are meant to be cut.
//   - otherwise: the plain prefixes.
// At d = w both are the vectors as they are.
//
// Scales. Vectors may be such that their prefixes tell more when each component is scaled first
// (IndexConfig::prefix_scales). That is what a prefix is then wherever its length does not matter:
// for cosine, and for the other metrics where prefixes are scaled to unit length.
//
// Zero vectors (and prefixes) have cosine 0 to everything; scaling leaves them zero. A vector whose
// squared length leaves the range of normal f32 (lengths outside 1.1e-19 .. 1.8e19) counts as zero
// where it would have to be scaled.
#ifndef VECNEST_INDEX_SCORER_H_
#define VECNEST_INDEX_SCORER_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "index/kernels/distance.h"
#include "index/metric.h"
#include "index/value_format.h"

namespace vecnest::index {

enum class Renormalize { kNo, kYes };

// The scales that apply to prefixes of so many of `width` dimensions; none: they stay as they are.
absl::Span<const float> ScalesOfPrefix(absl::Span<const float> prefix_scales, Metric metric,
                                       size_t dimensions, size_t width, Renormalize renormalize);

// 1 / |v|, computed in double; 0 when v counts as zero.
float InverseNorm(absl::Span<const float> vector);

// Whether a vector of this inverse norm has length 1, to 1e-3 or to what rounding to the format may
// have changed it by.
bool IsUnitNorm(float inverse_norm, ValueFormat format);

// Immutable once made; one may be shared by threads. Keeps a copy of the query.
class Scorer {
 public:
  // `query` has the full width; 1 <= dimensions <= query.size(); all values finite.
  // `prefix_scales`: none, or positive ones for all dimensions that outlive the scorer.
  Scorer(Metric metric, absl::Span<const float> query, size_t dimensions, Renormalize renormalize,
         absl::Span<const float> prefix_scales = {});

  // What ranks a vector: smaller is nearer, always finite. `inverse_norm` belongs to the whole
  // vector. f32 throughout (kernels/distance.h has the bounds).
  float Cost(const float* vector, float inverse_norm) const;

  // The score that users see for a cost. Strictly monotone, so equal scores are equal costs.
  // (Adding zero turns -0 into 0.)
  float ScoreOf(float cost) const { return (LargerIsNearer(metric_) ? -cost : cost) + 0.0F; }

  // The cost that has this score.
  float CostOf(float score) const { return LargerIsNearer(metric_) ? -score : score; }

  // Whether a cost passes a threshold given as a score.
  bool Passes(float cost, float score_threshold) const {
    return LargerIsNearer(metric_) ? -cost >= score_threshold : cost <= score_threshold;
  }

  Metric metric() const { return metric_; }
  size_t dimensions() const { return query_.size(); }
  // Whether what is compared of the query counts as zero.
  bool IsZeroQuery() const { return is_zero_; }

 private:
  float RawCost(const float* vector, float inverse_norm) const;
  const float* ScaledPrefix(const float* vector) const;
  float CutCosine(const float* vector) const;
  float CutScale(const float* vector) const;

  const kernels::DistanceKernels& kernels_;
  const Metric metric_;
  const bool cut_;     // dimensions < width
  const bool scaled_;  // prefixes of stored vectors are scaled to unit length
  const absl::Span<const float> prefix_scales_;  // as many as dimensions, or none
  std::vector<float> query_;
  bool is_zero_ = false;
  float query_factor_ = 1;  // what a dot product is multiplied with
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_SCORER_H_
