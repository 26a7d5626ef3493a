#include "vecnest/types.h"

#include "gtest/gtest.h"
#include "vecnest/collection.h"

namespace vecnest {
namespace {

TEST(TypesTest, PointIdsRoundTrip) {
  for (const char* text : {"0", "7", "18446744073709551615", "550e8400-e29b-41d4-a716-446655440000",
                           "00000000-0000-0000-0000-000000000005"}) {
    auto id = PointId::Parse(text);
    ASSERT_TRUE(id.ok()) << text;
    EXPECT_EQ(id->ToString(), text);
  }
}

TEST(TypesTest, UuidsAreReadInEveryCommonForm) {
  const PointId expected = PointId::Uuid(0x550e8400e29b41d4, 0xa716446655440000);
  for (const char* text :
       {"550E8400-E29B-41D4-A716-446655440000", "550e8400e29b41d4a716446655440000",
        "urn:uuid:550e8400-e29b-41d4-a716-446655440000"}) {
    auto id = PointId::Parse(text);
    ASSERT_TRUE(id.ok()) << text;
    EXPECT_EQ(*id, expected);
  }
}

TEST(TypesTest, AnythingElseIsNoId) {
  for (const char* text :
       {"", "-1", "1.5", "18446744073709551616", "abc", "550e8400",
        "550e8400-e29b-41d4-a716-44665544000g", "550e8400-e29b-41d4-a716446655440000"}) {
    EXPECT_EQ(PointId::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(TypesTest, NumbersAndUuidsWithTheSameBitsDiffer) {
  EXPECT_NE(PointId(5), PointId::Uuid(0, 5));
  EXPECT_LT(PointId(~0ULL), PointId::Uuid(0, 0));
}

TEST(TypesTest, CallsEndByStopOrDeadline) {
  EXPECT_TRUE(CallLimits().Check().ok());
  CallLimits limits;
  limits.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_TRUE(limits.Check().ok());
  limits.deadline = std::chrono::steady_clock::now();
  EXPECT_EQ(limits.Check().code(), absl::StatusCode::kDeadlineExceeded);
  std::stop_source source;
  limits.stop = source.get_token();
  source.request_stop();
  EXPECT_EQ(limits.Check().code(), absl::StatusCode::kCancelled);
}

TEST(TypesTest, MetricsRoundTrip) {
  for (Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    EXPECT_EQ(*ParseMetric(MetricName(metric)), metric);
  }
  EXPECT_FALSE(ParseMetric("cosine").ok());
}

TEST(TypesTest, VectorDatatypesRoundTrip) {
  for (VectorDatatype datatype :
       {VectorDatatype::kFloat32, VectorDatatype::kFloat16, VectorDatatype::kBfloat16}) {
    EXPECT_EQ(*ParseVectorDatatype(VectorDatatypeName(datatype)), datatype);
  }
  EXPECT_FALSE(ParseVectorDatatype("half").ok());
}

TEST(TypesTest, QuantizationsRoundTrip) {
  for (Quantization quantization :
       {Quantization::kAuto, Quantization::kInt8, Quantization::kInt4, Quantization::kBinary}) {
    EXPECT_EQ(*ParseQuantization(QuantizationName(quantization)), quantization);
  }
  EXPECT_FALSE(ParseQuantization("int2").ok());
}

TEST(TypesTest, PayloadIndexTypesRoundTrip) {
  for (PayloadIndexType type :
       {PayloadIndexType::kKeyword, PayloadIndexType::kInteger, PayloadIndexType::kFloat,
        PayloadIndexType::kBool, PayloadIndexType::kDatetime, PayloadIndexType::kText,
        PayloadIndexType::kUuid, PayloadIndexType::kGeo}) {
    EXPECT_EQ(*ParsePayloadIndexType(PayloadIndexTypeName(type)), type);
  }
  EXPECT_FALSE(ParsePayloadIndexType("Keyword").ok());
}

}  // namespace
}  // namespace vecnest
