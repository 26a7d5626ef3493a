// Indexes of 16-bit vectors.
#include <bit>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/vector_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

// An index of 16-bit vectors answers, growing and sealed and opened again, bit for bit as one of
// f32 that was given the rounded vectors.
TEST(NarrowVectorsTest, AnswerAsRoundedOnesDo) {
  constexpr size_t kCount = 3000;
  constexpr size_t kWidth = 40;
  const testing::Matrix points = testing::Clustered(kCount, kWidth, 1, false);
  const testing::Matrix queries = testing::Clustered(20, kWidth, 2);
  for (const ValueFormat format : {ValueFormat::kF16, ValueFormat::kBf16}) {
    const TemporaryDirectory wide_directory;
    const TemporaryDirectory narrow_directory;
    IndexConfig config;
    config.dimensions = kWidth;
    auto wide = std::move(VectorIndex::Open(wide_directory.path(), config, {})->index);
    config.values = format;
    auto narrow = std::move(VectorIndex::Open(narrow_directory.path(), config, {})->index);
    for (size_t row = 0; row < kCount; ++row) {
      std::vector<float> rounded(points.Row(row).begin(), points.Row(row).end());
      const auto number = static_cast<PointNumber>(row);
      ASSERT_TRUE(narrow->Add(row + 1, testing::KeyOf(row), number, rounded).ok());
      ASSERT_TRUE(RoundTo(format, absl::MakeSpan(rounded)));
      ASSERT_TRUE(wide->Add(row + 1, testing::KeyOf(row), number, rounded).ok());
      ASSERT_EQ(narrow->Get(row + 1)->vector, rounded);
    }
    const auto expect_same = [&] {
      for (size_t q = 0; q < queries.count(); ++q) {
        for (const int width : {0, 16}) {
          for (const Metric metric : {Metric::kCosine, Metric::kEuclid, Metric::kManhattan}) {
            const SearchParams params{.metric = metric, .dimensions = width};
            const auto expected = *wide->Search(queries.Row(q), params, nullptr);
            const auto found = *narrow->Search(queries.Row(q), params, nullptr);
            ASSERT_EQ(found.size(), expected.size());
            for (size_t i = 0; i < found.size(); ++i) {
              EXPECT_EQ(found[i].key, expected[i].key);
              EXPECT_EQ(found[i].score, expected[i].score);
            }
          }
        }
      }
    };
    expect_same();
    ASSERT_TRUE(wide->SealAll().ok() && narrow->SealAll().ok());
    expect_same();
    EXPECT_LT(narrow->Stats().mapped_bytes + kCount * kWidth, wide->Stats().mapped_bytes);
    const Manifest manifest = narrow->TakeManifest();
    narrow.reset();
    narrow = std::move(VectorIndex::Open(narrow_directory.path(), config, manifest)->index);
    expect_same();
    const std::vector<float> huge(kWidth, 1e38F);
    EXPECT_EQ(narrow->Add(kCount + 1, {}, 0, huge).ok(), format == ValueFormat::kBf16);
  }
}

// Rounding changes lengths a little: unit vectors go on being treated as such.
TEST(NarrowVectorsTest, UnitVectorsStayUnitVectors) {
  constexpr size_t kWidth = 32;
  const testing::Matrix points = testing::Clustered(3000, kWidth, 1);
  for (const ValueFormat format : {ValueFormat::kF16, ValueFormat::kBf16}) {
    const TemporaryDirectory directory;
    IndexConfig config;
    config.dimensions = kWidth;
    config.values = format;
    auto index = std::move(VectorIndex::Open(directory.path(), config, {})->index);
    for (size_t row = 0; row < points.count(); ++row) {
      ASSERT_TRUE(index->Add(row + 1, testing::KeyOf(row), 0, points.Row(row)).ok());
    }
    EXPECT_TRUE(index->Stats().unit_norm);
    ASSERT_TRUE(index->SealAll().ok());
    EXPECT_TRUE(index->Stats().unit_norm);
    const auto found =
        index->Search(points.Row(0), {.metric = Metric::kDot, .dimensions = 16}, nullptr);
    EXPECT_NEAR(found->front().score, 1, 0.02);
    const std::vector<float> other(kWidth, 1.0F);
    ASSERT_TRUE(index->Add(3001, testing::KeyOf(3001), 0, other).ok());
    EXPECT_FALSE(index->Stats().unit_norm);
    std::vector<float> none(kWidth, 1.0F);
    none[3] = std::bit_cast<float>(0x7fffffffU);
    EXPECT_FALSE(index->Add(3002, testing::KeyOf(3002), 0, none).ok());
  }
}

}  // namespace
}  // namespace vecnest::index
