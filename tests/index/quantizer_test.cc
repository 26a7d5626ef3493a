#include "index/quantizer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "index/random_rotation.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

// The number that a code stands for at dimension i, after kernels/code_distance.h.
int ValueAt(const CodeView& codes, size_t row, size_t i) {
  if (codes.format.bits == 8) return codes.Code(row)[i] - 128;
  if (codes.format.bits == 1) return (codes.Code(row)[i / 8] >> (i % 8) & 1) == 1 ? 1 : -1;
  const uint8_t byte = codes.Code(row)[i / 128 * 64 + i % 64];
  return 2 * (i % 128 < 64 ? byte & 15 : byte >> 4) - 15;
}

class QuantizerTest : public ::testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  CodeFormat format() const { return {std::get<0>(GetParam()), std::get<1>(GetParam())}; }
};

TEST_P(QuantizerTest, ComponentsComeBackToAStep) {
  constexpr size_t kWidth = 200;
  const testing::Matrix points = testing::Clustered(500, kWidth, 1, false);
  testing::Block block(points);
  const CodeView codes = block.Codes(format());
  const Rows rows = block.View();
  const float largest = format().bits == 8 ? 127 : 15;
  const float half = codes.step * (format().bits == 8 ? 0.5F : 1.0F);
  size_t cut = 0;
  size_t turned = 0;
  for (size_t row = 0; row < rows.count; ++row) {
    const float scale = format().normalized ? rows.inverse_norms[row] : 1.0F;
    for (size_t i = 0; i < kWidth; ++i) {
      const float value = points.Row(row)[i] * scale - codes.center[i];
      const float coded = codes.step * static_cast<float>(ValueAt(codes, row, i));
      if (std::fabs(value) > codes.step * largest) {
        ++cut;
        EXPECT_FLOAT_EQ(std::fabs(coded), codes.step * largest);
      } else {
        EXPECT_NEAR(coded, value, 2 * half * 1.001F);
        turned += std::fabs(coded - value) > half * 1.001F ? 1 : 0;
      }
    }
  }
  EXPECT_LT(cut, rows.count * kWidth / 200);
  EXPECT_LT(turned, rows.count * kWidth / 10);
}

TEST_P(QuantizerTest, ThreadsEncodeAsOneRowAfterTheOther) {
  constexpr size_t kWidth = 200;
  const testing::Matrix points = testing::Clustered(1000, kWidth, 1, false);
  testing::Block block(points);
  const Rows rows = block.View();
  const Quantizer quantizer = Quantizer::Fit(rows, kWidth, format());
  const size_t bytes = format().Bytes(kWidth);
  std::vector<uint8_t> expected(rows.count * bytes);
  float largest_error = 0;
  for (size_t row = 0; row < rows.count; ++row) {
    const float error =
        quantizer.Encode(points.Row(row).data(), rows.inverse_norms[row], &expected[row * bytes]);
    largest_error = std::max(largest_error, error);
  }
  for (const int threads : {1, 3}) {
    std::vector<uint8_t> codes(rows.count * bytes);
    EXPECT_EQ(quantizer.EncodeAll(rows, codes.data(), threads, nullptr), largest_error);
    EXPECT_EQ(codes, expected) << threads;
  }
}

TEST_P(QuantizerTest, DecodesToWhatCodesStandFor) {
  constexpr size_t kWidth = 200;
  const testing::Matrix points = testing::Clustered(50, kWidth, 1, false);
  testing::Block block(points);
  const Rows rows = block.View();
  const Quantizer quantizer = Quantizer::Fit(rows, kWidth, format());
  std::vector<uint8_t> codes(rows.count * format().Bytes(kWidth));
  quantizer.EncodeAll(rows, codes.data(), 3, nullptr);
  const CodeView view = quantizer.View(codes.data());
  std::vector<float> vector(kWidth);
  for (size_t row = 0; row < rows.count; ++row) {
    quantizer.Decode(view.Code(row), absl::MakeSpan(vector));
    for (size_t i = 0; i < kWidth; ++i) {
      EXPECT_FLOAT_EQ(vector[i],
                      view.center[i] + view.step * static_cast<float>(ValueAt(view, row, i)));
    }
  }
}

// Vectors that point mostly in one direction: what rounding does to their products with it is done
// to all their products.
TEST_P(QuantizerTest, ErrorsAreAcrossTheCenter) {
  constexpr size_t kWidth = 200;
  testing::Matrix points = testing::Clustered(300, kWidth, 1, false);
  for (size_t i = 0; i < points.values.size(); ++i) points.values[i] += i % 3 == 0 ? 20.0F : -5.0F;
  testing::Block block(points);
  const CodeView codes = block.Codes(format());
  const Rows rows = block.View();
  const float unit = codes.step * (format().bits == 8 ? 1.0F : 2.0F);
  const float offset = format().bits == 8 ? 0.0F : codes.step;
  double balanced = 0;
  double nearest = 0;
  for (size_t row = 0; row < rows.count; ++row) {
    const float scale = format().normalized ? rows.inverse_norms[row] : 1.0F;
    double with_codes = 0;
    double with_nearest = 0;
    for (size_t i = 0; i < kWidth; ++i) {
      const double value = points.Row(row)[i] * scale - codes.center[i];
      with_codes += codes.center[i] * (value - codes.step * ValueAt(codes, row, i));
      const double rounded = unit * std::nearbyint((value - offset) / unit) + offset;
      with_nearest += codes.center[i] * (value - rounded);
    }
    balanced += with_codes * with_codes;
    nearest += with_nearest * with_nearest;
  }
  EXPECT_LT(balanced, nearest / 25);
}

INSTANTIATE_TEST_SUITE_P(Formats, QuantizerTest,
                         ::testing::Combine(::testing::Values(8, 4), ::testing::Bool()),
                         [](const auto& format) {
                           return std::to_string(std::get<0>(format.param)) + "bits" +
                                  (std::get<1>(format.param) ? "Normalized" : "");
                         });

// As on principal axes: what a few dimensions hold says most, and must not be cut off.
TEST(QuantizerTest, DimensionsOfLargeComponentsKeepThem) {
  constexpr size_t kDimensions = 256;
  constexpr size_t kLarge = 2;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  testing::Matrix vectors{kDimensions, {}};
  for (size_t i = 0; i < 2000 * kDimensions; ++i) {
    vectors.values.push_back(normal(random) * (i % kDimensions < kLarge ? 30.0F : 1.0F));
  }
  testing::Block block(vectors);
  const Rows rows = block.View();
  const CodeView codes = block.Codes({8, false});
  size_t cut = 0;
  for (size_t row = 0; row < rows.count; ++row) {
    for (size_t i = 0; i < kLarge; ++i) {
      const float decoded =
          codes.center[i] + codes.step * (static_cast<float>(codes.Code(row)[i]) - 128);
      cut += std::fabs(decoded - vectors.Row(row)[i]) > codes.step ? 1 : 0;
    }
  }
  // A share of .9995 of all components would cut one in sixteen of them.
  EXPECT_LT(cut, rows.count * kLarge / 200);
}

// One bit tells on which side of the center a component is; the step is how far away they are.
TEST(QuantizerTest, BitsAreSides) {
  constexpr size_t kWidth = 200;
  const testing::Matrix points = testing::Clustered(500, kWidth, 1, false);
  testing::Block block(points);
  const CodeView codes = block.Codes({1, false});
  double sum = 0;
  for (size_t row = 0; row < points.count(); ++row) {
    for (size_t i = 0; i < kWidth; ++i) {
      const float value = points.Row(row)[i] - codes.center[i];
      sum += std::fabs(value);
      if (value == 0) continue;
      EXPECT_EQ(ValueAt(codes, row, i), value > 0 ? 1 : -1) << row << " " << i;
    }
  }
  EXPECT_NEAR(codes.step, sum / static_cast<double>(points.values.size()), 1e-4 * codes.step);
}

TEST(QuantizerTest, TurnedBitsAreSidesOfWhatWasTurned) {
  constexpr size_t kWidth = 200;
  const testing::Matrix points = testing::Clustered(300, kWidth, 1, false);
  testing::Block block(points);
  const CodeFormat turned = CodeFormat::For(Metric::kDot, kWidth, 1, true);
  EXPECT_TRUE(turned.turned);
  const CodeView codes = block.Codes(turned);
  EXPECT_FALSE(codes.HasPrefixes());
  double left = 0;
  double whole = 0;
  const Quantizer quantizer = Quantizer::Fit(block.View(), kWidth, turned);
  for (size_t row = 0; row < points.count(); ++row) {
    std::vector<float> vector(points.Row(row).begin(), points.Row(row).end());
    RotateRandomly(absl::MakeSpan(vector));
    for (size_t i = 0; i < kWidth; ++i) {
      if (std::fabs(vector[i] - codes.center[i]) < 1e-5) continue;
      EXPECT_EQ(ValueAt(codes, row, i) > 0, vector[i] > codes.center[i]) << row << ' ' << i;
    }
    std::vector<float> decoded(kWidth);
    quantizer.Decode(codes.Code(row), absl::MakeSpan(decoded));
    for (size_t i = 0; i < kWidth; ++i) {
      left += std::pow(double{decoded[i]} - points.Row(row)[i], 2);
      whole += std::pow(double{points.Row(row)[i]}, 2);
    }
  }
  // A bit of a normally distributed component leaves 1 - 2 / pi of its square.
  EXPECT_LT(left, 0.4 * whole);
}

TEST(QuantizerTest, EqualAndZeroVectorsHaveEqualCodes) {
  for (const float value : {0.0F, 3.0F, 1e-42F}) {
    testing::Block block({5, std::vector<float>(50, value)});
    for (const int bits : {8, 4, 1}) {
      const CodeView codes = block.Codes({bits, false});
      EXPECT_TRUE(std::isnormal(codes.step));
      EXPECT_TRUE(std::equal(codes.Code(0), codes.Code(1), codes.Code(9)));
    }
  }
}

TEST(CodeFormatTest, NarrowVectorsHaveEightBitsAndL1None) {
  EXPECT_EQ(CodeFormat::For(Metric::kCosine, 384).bits, 4);
  EXPECT_TRUE(CodeFormat::For(Metric::kCosine, 384).normalized);
  EXPECT_EQ(CodeFormat::For(Metric::kDot, 64).bits, 8);
  EXPECT_FALSE(CodeFormat::For(Metric::kDot, 64).normalized);
  EXPECT_EQ(CodeFormat::For(Metric::kManhattan, 384).bits, 0);
  EXPECT_EQ(CodeFormat::For(Metric::kManhattan, 384, 1).bits, 0);
  EXPECT_EQ(CodeFormat::For(Metric::kCosine, 384, 1).bits, 1);
  EXPECT_EQ(CodeFormat::For(Metric::kCosine, 384, 8).bits, 8);
  EXPECT_FALSE(CodeFormat::For(Metric::kCosine, 384, 1).turned);
  EXPECT_FALSE(CodeFormat::For(Metric::kCosine, 384, 4, true).turned);
  EXPECT_EQ((CodeFormat{1, false}).Bytes(512), 64U);
  EXPECT_EQ((CodeFormat{1, false}).Bytes(513), 128U);
  EXPECT_EQ((CodeFormat{4, false}).Bytes(129), 128U);
  EXPECT_EQ((CodeFormat{8, false}).Bytes(65), 128U);
  EXPECT_EQ((CodeFormat{}).Bytes(65), 0U);
}

}  // namespace
}  // namespace vecnest::index
