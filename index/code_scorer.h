// Ranks codes against a query, approximately as scorer.h ranks the vectors they were made from.
#ifndef VECNEST_INDEX_CODE_SCORER_H_
#define VECNEST_INDEX_CODE_SCORER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "hwy/aligned_allocator.h"
#include "index/kernels/code_distance.h"
#include "index/metric.h"
#include "index/quantizer.h"
#include "index/scorer.h"

namespace vecnest::index {

// Immutable once made. Views the codes and the query.
class CodeScorer {
 public:
  // Codes may be asked for a while before they are read: the caches have room for them.
  static constexpr bool kLooksAhead = true;

  // `query` has the full width and finite values; 1 <= dimensions <= query.size(), and all of them
  // where codes have no prefixes. The metric is
  // cosine, dot or Euclid, and one that the codes' graph serves (search_plan.h). `prefix_scales` as
  // for Scorer. Their effect on the lengths of prefixes is left out, as codes do not tell it: of
  // MiniLM's vectors on the axes of their second moment, with scales of 1 to 1.4, the first 16 by
  // such costs have 99.5 % of the first 10, at 64 of 384 dimensions.
  CodeScorer(const CodeView& codes, Metric metric, absl::Span<const float> query, size_t dimensions,
             Renormalize renormalize, absl::Span<const float> prefix_scales = {});

  // It views what it owns.
  CodeScorer(const CodeScorer&) = delete;
  CodeScorer& operator=(const CodeScorer&) = delete;

  // Smaller is nearer, always finite; comparable only with costs by the same scorer.
  float Cost(uint32_t row) const;

  // The same for many rows; faster than one by one.
  void Costs(absl::Span<const uint32_t> rows, float* costs) const;

  // About the cost of a vector that scores so (the score of scorer.h).
  float CostOf(float score) const;

  // The same cost on a scale of all scorers of the query by codes of one format, whatever their
  // centers and steps are; and back. Only of normalized codes: where lengths differ so do the
  // errors of codes, and costs with unlike errors are not to be compared.
  bool HasShared() const { return codes_.format.normalized; }
  // The standard deviation of what rounding to codes adds to a shared cost.
  float SharedError() const { return shared_error_; }
  float Shared(float cost) const { return shared_offset_ + shared_slope_ * cost; }
  float FromShared(float shared) const { return (shared - shared_offset_) / shared_slope_; }
  // That of a vector that scores so (the score of scorer.h), but for the error.
  float SharedOf(float score) const;
  // `shared` and four errors: few costs are farther off, and one in two hundred differences of two.
  static float Reach(float shared, float error) { return shared + 4 * error; }
  // Whether the errors of costs are about these (CodeFormat::TellsErrors). Not of prefixes, where
  // it depends on how much of each vector they hold.
  bool TellsErrors() const { return codes_.format.TellsErrors() && dimensions_ == values_.size(); }
  // The largest cost of a vector that but for the error costs `shared`, where that is `worst` times
  // as large as rounding makes it. Infinite for numbers so large or small that no float holds their
  // products, and where costs have no such scale.
  float CostWithin(float shared, float worst = 1) const;

  // Asks for a row that is read soon.
  void Prefetch(uint32_t row) const { codes_.Prefetch(row, bytes_); }

  // Of a row that a cost reads.
  size_t bytes() const { return bytes_; }

 private:
  // What the order of costs is the order of.
  enum class Form {
    kDot,     // the dot product
    kCosine,  // the dot product with the vector (or prefix) scaled to unit length
    kEuclid,  // the squared distance
  };
  // Signed bytes with one step, and their sum.
  struct Coded {
    hwy::AlignedFreeUniquePtr<int8_t[]> bytes;
    float step = 1;
    int64_t sum = 0;
  };
  // What the numbers behind codes give, from what the codes give.
  float Product(int32_t with_codes, const Coded& coded) const;
  float DotOf(float score, double length) const;
  static Form ChooseForm(Metric metric, bool normalized, bool cut, Renormalize renormalize);
  Coded Encode(absl::Span<const float> values) const;

  const kernels::CodeKernels& kernels_;
  const CodeView codes_;
  const Form form_;
  const size_t dimensions_;
  const size_t padded_;  // dimensions in whole blocks
  const size_t bytes_;   // of a code that are read
  const Metric metric_;
  const std::vector<float> turned_;              // the query, where codes are turned
  const absl::Span<const float> values_;         // of the query before it was cut
  const absl::Span<const float> prefix_scales_;  // as many as dimensions, or none
  Coded query_;
  // Of kCosine.
  Coded center_;
  float query_center_ = 0;         // query . center
  float center_norm_squared_ = 0;  // center . center
  float query_length_ = 0;         // as it is compared
  float shared_slope_ = 1;         // not below 0
  float shared_offset_ = 0;
  float shared_error_ = 0;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_CODE_SCORER_H_
