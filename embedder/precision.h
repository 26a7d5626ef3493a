// The number formats that a model's matrix products can run in.
#ifndef VECNEST_EMBEDDER_PRECISION_H_
#define VECNEST_EMBEDDER_PRECISION_H_

#include <optional>
#include <string_view>

namespace vecnest::embedder {

// Hidden states, sums, softmax and layer norms are f32 in all of them.
enum class Precision {
  kF32,   // the reference
  kBf16,  // weights and activations rounded to bfloat16
  kInt8,  // weights to 8 bits with a scale per output, activations with a scale per token
};

// "f32", "bf16", "int8".
std::string_view PrecisionName(Precision precision);
std::optional<Precision> ParsePrecision(std::string_view name);

// Whether this CPU has the instructions: AVX-512 BF16, or VNNI for 8 bits. f32 runs everywhere.
bool IsSupported(Precision precision);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_PRECISION_H_
