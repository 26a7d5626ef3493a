// Words of the public API in those of the encoder, the store and the index, and back.
#ifndef VECNEST_ENGINE_CONVERSIONS_H_
#define VECNEST_ENGINE_CONVERSIONS_H_

#include "embedder/call_control.h"
#include "embedder/encoder.h"
#include "index/metric.h"
#include "index/types.h"
#include "index/value_format.h"
#include "storage/keys.h"
#include "vecnest/collection.h"
#include "vecnest/embedding.h"
#include "vecnest/types.h"

namespace vecnest::engine {

storage::PointKey ToStorageKey(const PointId& id);
index::PointKey ToIndexKey(const PointId& id);
PointId ToPointId(const index::PointKey& key);
PointId ToPointId(const storage::PointKey& key);
index::Metric ToIndexMetric(Metric metric);
Metric FromIndexMetric(index::Metric metric);
index::ValueFormat ToValueFormat(VectorDatatype datatype);
// IndexConfig::code_bits.
int ToCodeBits(Quantization quantization);
embedder::TextType ToTextType(TextType type);
embedder::CallControl ToControl(embedder::Priority priority, const CallLimits& limits);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_CONVERSIONS_H_
