#include "engine/evaluation/vector_matrix.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace vecnest::engine::evaluation {
namespace {

VectorMatrix RandomVectors(size_t count, size_t width) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.2F, 1);
  VectorMatrix vectors = {width, std::vector<float>(count * width)};
  for (float& value : vectors.values) value = normal(random);
  return vectors;
}

double Cosine(absl::Span<const float> a, absl::Span<const float> b) {
  double product = 0;
  double square_a = 0;
  double square_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    square_a += double{a[i]} * a[i];
    square_b += double{b[i]} * b[i];
  }
  return product / std::sqrt(square_a * square_b);
}

TEST(VectorMatrixTest, CutsAndScales) {
  const VectorMatrix vectors = {3, {3, 4, 100, 0, 0, 7}};
  EXPECT_EQ(CutTo(vectors, 2, false).values, (std::vector<float>{3, 4, 0, 0}));
  const VectorMatrix unit = CutTo(vectors, 2, true);
  EXPECT_FLOAT_EQ(unit.Row(0)[0], 0.6F);
  EXPECT_FLOAT_EQ(unit.Row(0)[1], 0.8F);
  EXPECT_EQ(unit.Row(1)[0], 0);  // zeros have no direction
  EXPECT_EQ(CutTo(vectors, 3, true).values, vectors.values);
}

TEST(VectorMatrixTest, NormalizesAndMeasures) {
  const VectorMatrix vectors = {2, {3, 4, 0, 0}};
  EXPECT_EQ(InverseNorms(vectors), (std::vector<float>{0.2F, 0}));
  EXPECT_FLOAT_EQ(Normalized(vectors).Row(0)[1], 0.8F);
}

TEST(VectorMatrixTest, SixteenBitsRoundToTheirNumbers) {
  VectorMatrix vectors = {2, {1.0F + 0x1p-12F, 1.0F + 0x1p-10F}};
  ASSERT_TRUE(StoreAs(VectorCodes::kF16, false, false, vectors).ok());
  EXPECT_EQ(vectors.values, (std::vector<float>{1.0F, 1.0F + 0x1p-10F}));
  ASSERT_TRUE(StoreAs(VectorCodes::kBf16, false, false, vectors).ok());
  EXPECT_EQ(vectors.values, (std::vector<float>{1.0F, 1.0F}));
  VectorMatrix large = {1, {1e6F}};
  EXPECT_TRUE(absl::IsInvalidArgument(StoreAs(VectorCodes::kF16, false, false, large)));
}

// Each further bit leaves more of a vector's direction.
TEST(VectorMatrixTest, CodesKeepDirections) {
  const VectorMatrix vectors = RandomVectors(200, 96);
  double last = 1;
  for (const auto& [codes, least] :
       {std::pair(VectorCodes::kInt8, 0.9995), std::pair(VectorCodes::kInt4, 0.98),
        std::pair(VectorCodes::kBinary, 0.75)}) {
    for (const bool normalized : {false, true}) {
      VectorMatrix stored = vectors;
      ASSERT_TRUE(StoreAs(codes, normalized, false, stored).ok());
      double mean = 0;
      for (size_t i = 0; i < vectors.count(); ++i) {
        mean += Cosine(vectors.Row(i), stored.Row(i)) / static_cast<double>(vectors.count());
        if (normalized && codes == VectorCodes::kInt8) {
          EXPECT_NEAR(InverseNorms(stored)[i], 1, 0.03);
        }
      }
      EXPECT_GT(mean, least) << VectorCodesName(codes);
      EXPECT_LT(mean, last);
      if (normalized) last = mean;
    }
  }
}

TEST(VectorMatrixTest, NothingToStore) {
  VectorMatrix none = {4, {}};
  EXPECT_TRUE(StoreAs(VectorCodes::kInt8, true, false, none).ok());
  EXPECT_EQ(none.count(), 0U);
}

// Where the first components hold most, bits that were turned leave less behind.
TEST(VectorMatrixTest, BitsOfPrincipalAxesAreTurned) {
  constexpr size_t kWidth = 64;
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  VectorMatrix vectors = {kWidth, {}};
  for (size_t i = 0; i < 200 * kWidth; ++i) {
    vectors.values.push_back(normal(random) / static_cast<float>(1 + i % kWidth));
  }
  const auto left = [&](bool principal_axes) {
    VectorMatrix stored = vectors;
    EXPECT_TRUE(StoreAs(VectorCodes::kBinary, false, principal_axes, stored).ok());
    double sum = 0;
    for (size_t i = 0; i < stored.values.size(); ++i) {
      sum += std::pow(double{stored.values[i]} - vectors.values[i], 2);
    }
    return sum;
  };
  EXPECT_LT(left(true), 0.7 * left(false));
}

}  // namespace
}  // namespace vecnest::engine::evaluation
