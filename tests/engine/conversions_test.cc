#include "engine/conversions.h"

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

TEST(ConversionsTest, IdsAndMetricsConvertBothWays) {
  for (const PointId& id : {PointId(0), PointId(~0ULL), PointId::Uuid(1, 2), PointId::Uuid(0, 5)}) {
    EXPECT_EQ(ToPointId(ToStorageKey(id)), id);
    EXPECT_EQ(ToPointId(ToIndexKey(id)), id);
  }
  for (Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    EXPECT_EQ(FromIndexMetric(ToIndexMetric(metric)), metric);
  }
}

TEST(ConversionsTest, QuantizationsAreBits) {
  EXPECT_EQ(ToCodeBits(Quantization::kAuto), 0);
  EXPECT_EQ(ToCodeBits(Quantization::kInt8), 8);
  EXPECT_EQ(ToCodeBits(Quantization::kInt4), 4);
  EXPECT_EQ(ToCodeBits(Quantization::kBinary), 1);
}

TEST(ConversionsTest, DatatypesAreFormats) {
  EXPECT_EQ(ToValueFormat(VectorDatatype::kFloat32), index::ValueFormat::kF32);
  EXPECT_EQ(ToValueFormat(VectorDatatype::kFloat16), index::ValueFormat::kF16);
  EXPECT_EQ(ToValueFormat(VectorDatatype::kBfloat16), index::ValueFormat::kBf16);
}

}  // namespace
}  // namespace vecnest::engine
