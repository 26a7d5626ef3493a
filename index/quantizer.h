// Codes of 8, 4 or 1 bits a dimension: what graphs are built and walked on. A quarter of the bytes
// of f32, an eighth or a 32nd, and integer products many times as fast; the rows that a walk finds
// are ranked again by their f32 vectors, so that codes decide only which rows a walk meets.
//
// A code stands for a number v (kernels/code_distance.h), and v for the component center + step *
// v; components beyond the largest code are cut. One step serves all dimensions of a segment, so
// that the distance of two codes is that of their vectors; the center, a vector, is what makes that
// good enough: embeddings of many models point mostly in one direction, and most of their range
// would go to what all of them share.
#ifndef VECNEST_INDEX_QUANTIZER_H_
#define VECNEST_INDEX_QUANTIZER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "index/kernels/code_distance.h"
#include "index/metric.h"
#include "index/prefetch.h"
#include "index/rows.h"

namespace vecnest::index {

// How the rows of a segment are coded.
struct CodeFormat {
  int bits = 0;             // 8, 4 or 1; 0: there are no codes
  bool normalized = false;  // vectors are scaled to unit length first
  bool turned = false;      // and then rotated randomly; of the full width alone

  // Of a graph for `metric`. None for L1: codes keep products, not single differences. Where `bits`
  // is 0 they are chosen: 4 are as good as 8 for vectors of many dimensions, where errors cancel
  // out, and half as far away. One bit of vectors on their principal axes is turned
  // (random_rotation.h).
  static CodeFormat For(Metric metric, size_t dimensions, int bits = 0,
                        bool principal_axes = false);

  // Whether rounding tells how large the errors of costs are, at the full width. Not of 8 bits, by
  // which rare components lie far beyond the largest code, as most do by 1 bit; nor where lengths
  // differ.
  bool TellsErrors() const { return bits == 4 && normalized; }

  size_t block() const { return kernels::CodeDistances(bits).block; }
  // Dimensions rounded up to whole blocks.
  size_t Padded(size_t dimensions) const { return (dimensions + block() - 1) / block() * block(); }
  // Bytes of the first `dimensions`, and from one code to the next.
  size_t Bytes(size_t dimensions) const;
};

// The codes of a segment. Owns nothing.
struct CodeView {
  CodeFormat format;
  const uint8_t* codes = nullptr;
  size_t stride = 0;  // bytes
  absl::Span<const float> center;
  float step = 1;

  bool empty() const { return format.bits == 0; }
  // Whether the start of a code is the code of a vector's start.
  bool HasPrefixes() const { return !format.turned; }
  const uint8_t* Code(size_t row) const { return codes + row * stride; }

  // The numbers that a row's code stands for (kernels/code_distance.h), of whole blocks: as many as
  // format.Padded gives for the dimensions.
  void Numbers(size_t row, absl::Span<int8_t> numbers) const;

  // Asks for the first `bytes` of a row that is read soon.
  void Prefetch(size_t row, size_t bytes) const { PrefetchBytes(Code(row), bytes); }
};

// Immutable; may be shared by threads.
class Quantizer {
 public:
  // Looks at up to 20,000 of the rows, at least one, evenly spread. The format has bits.
  static Quantizer Fit(const Rows& rows, size_t dimensions, CodeFormat format);

  // Writes format.Bytes(dimensions) bytes. Of more than one bit, components are rounded so that the
  // errors' product with the center nearly vanishes; a few are not rounded to the nearest code
  // (which ones may differ between kinds of processors). Returns the mean squared error of
  // rounding a component, in codes: about a twelfth, and more where much lies beyond all codes.
  float Encode(const float* vector, float inverse_norm, uint8_t* code) const;
  // The same for all rows, one code behind the other, by so many threads; returns the largest
  // error. Ends early, with codes missing, soon after `stop` turned true; it may be null.
  float EncodeAll(const Rows& rows, uint8_t* codes, int threads,
                  const std::atomic<bool>* stop) const;

  // Writes the vector that a code stands for: the one that was encoded, up to rounding, scaled to
  // unit length where the format is normalized. As many components as were fitted.
  void Decode(const uint8_t* code, absl::Span<float> vector) const;

  // Codes that this quantizer made, one behind the other. Views its center.
  CodeView View(const uint8_t* codes) const {
    return {format_, codes, format_.Bytes(center_.size()), center_, step_};
  }

  const std::vector<float>& center() const { return center_; }
  float step() const { return step_; }

 private:
  Quantizer(size_t dimensions, CodeFormat format)
      : format_(format),
        smallest_code_(format.bits == 8 ? 1.0F : 0.0F),
        largest_code_(static_cast<float>((1 << format.bits) - 1)),
        center_(dimensions) {}

  // The code of each component and how much of the component, in codes, it leaves out.
  struct Rounded {
    std::vector<float> codes;
    std::vector<float> left;
  };
  void Balance(Rounded& rounded) const;
  // The vector, or `buffer` with what it becomes before it is coded.
  const float* Turned(const float* vector, std::vector<float>& buffer) const;

  const CodeFormat format_;
  const float smallest_code_;
  const float largest_code_;
  std::vector<float> center_;
  float step_ = 1;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_QUANTIZER_H_
