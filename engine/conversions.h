// Words of the public API in those of the store and of the index, and back.
#ifndef VECNEST_ENGINE_CONVERSIONS_H_
#define VECNEST_ENGINE_CONVERSIONS_H_

#include "index/metric.h"
#include "index/types.h"
#include "index/value_format.h"
#include "storage/keys.h"
#include "vecnest/collection.h"
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

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_CONVERSIONS_H_
