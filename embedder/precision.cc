#include "embedder/precision.h"

namespace vecnest::embedder {

std::string_view PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kBf16:
      return "bf16";
    case Precision::kInt8:
      return "int8";
    case Precision::kF32:
      break;
  }
  return "f32";
}

std::optional<Precision> ParsePrecision(std::string_view name) {
  for (const Precision precision : {Precision::kF32, Precision::kBf16, Precision::kInt8}) {
    if (name == PrecisionName(precision)) return precision;
  }
  return std::nullopt;
}

bool IsSupported(Precision precision) {
  if (precision == Precision::kF32) return true;
  __builtin_cpu_init();
  // Both run their attention in bf16.
  const bool bf16 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("avx512bf16");
  if (precision == Precision::kBf16) return bf16;
  return bf16 && __builtin_cpu_supports("avx512vnni");
}

}  // namespace vecnest::embedder
