#include "engine/conversions.h"

namespace vecnest::engine {

storage::PointKey ToStorageKey(const PointId& id) {
  return {static_cast<uint8_t>(id.is_uuid()), id.high(), id.low()};
}
index::PointKey ToIndexKey(const PointId& id) {
  return {static_cast<uint8_t>(id.is_uuid()), id.high(), id.low()};
}
PointId ToPointId(const index::PointKey& key) {
  return key.kind == 1 ? PointId::Uuid(key.high, key.low) : PointId(key.low);
}
PointId ToPointId(const storage::PointKey& key) {
  return key.kind == 1 ? PointId::Uuid(key.high, key.low) : PointId(key.low);
}

index::Metric ToIndexMetric(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return index::Metric::kCosine;
    case Metric::kDot:
      return index::Metric::kDot;
    case Metric::kEuclid:
      return index::Metric::kEuclid;
    case Metric::kManhattan:
      break;
  }
  return index::Metric::kManhattan;
}

Metric FromIndexMetric(index::Metric metric) {
  switch (metric) {
    case index::Metric::kCosine:
      return Metric::kCosine;
    case index::Metric::kDot:
      return Metric::kDot;
    case index::Metric::kEuclid:
      return Metric::kEuclid;
    case index::Metric::kManhattan:
      break;
  }
  return Metric::kManhattan;
}

index::ValueFormat ToValueFormat(VectorDatatype datatype) {
  switch (datatype) {
    case VectorDatatype::kFloat16:
      return index::ValueFormat::kF16;
    case VectorDatatype::kBfloat16:
      return index::ValueFormat::kBf16;
    case VectorDatatype::kFloat32:
      break;
  }
  return index::ValueFormat::kF32;
}

int ToCodeBits(Quantization quantization) {
  switch (quantization) {
    case Quantization::kAuto:
      return 0;
    case Quantization::kInt8:
      return 8;
    case Quantization::kInt4:
      return 4;
    case Quantization::kBinary:
      return 1;
  }
  return 0;
}

embedder::TextType ToTextType(TextType type) {
  return type == TextType::kQuery ? embedder::TextType::kQuery : embedder::TextType::kDocument;
}

embedder::CallControl ToControl(embedder::Priority priority, const CallLimits& limits) {
  return {.priority = priority, .stop = limits.stop, .deadline = limits.deadline};
}

}  // namespace vecnest::engine
