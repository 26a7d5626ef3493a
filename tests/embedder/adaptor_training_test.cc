#include "embedder/adaptor_training.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "tests/embedder/adaptor_vectors.h"

namespace vecnest::embedder {
namespace {

using ::testing::HasSubstr;

constexpr auto kGoOn = [](double) { return absl::OkStatus(); };

// Rows that reach far in few directions, which no axis of theirs shows.
std::vector<float> AnisotropicRows(size_t count, size_t dimensions, unsigned seed) {
  const std::vector<float> rotation = RandomRotation(dimensions, 99);
  const std::vector<float> normal = NormalValues(count * dimensions, seed);
  std::vector<float> rows(normal.size());
  for (size_t r = 0; r < count; ++r) {
    for (size_t i = 0; i < dimensions; ++i) {
      const float part = normal[r * dimensions + i] / (1 + static_cast<float>(i));
      for (size_t j = 0; j < dimensions; ++j) {
        rows[r * dimensions + j] += part * rotation[i * dimensions + j];
      }
    }
  }
  return rows;
}

TEST(AdaptorTrainingTest, RotationPutsTheStrongestDirectionsFirst) {
  constexpr size_t kDimensions = 24;
  const std::vector<float> rows = AnisotropicRows(500, kDimensions, 1);
  const auto adaptor = TrainAdaptor(rows, kDimensions, {}, kGoOn);
  ASSERT_TRUE(adaptor.ok()) << adaptor.status();
  const AdaptorParameters& parameters = (*adaptor)->parameters();
  EXPECT_EQ(parameters.method, "rotation");
  EXPECT_EQ(parameters.samples, 500U);
  EXPECT_EQ(parameters.scales, std::vector<float>(kDimensions, 1.0F));
  EXPECT_LT(OrthogonalityError(parameters.rotation, kDimensions), 1e-6);
  std::vector<float> rotated(rows.size());
  ASSERT_TRUE((*adaptor)->Rotate(rows, absl::MakeSpan(rotated)).ok());
  const auto share_of_energy = [](const std::vector<float>& values, size_t width) {
    double prefix = 0, all = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double square = static_cast<double>(values[i]) * values[i];
      all += square;
      if (i % kDimensions < width) prefix += square;
    }
    return prefix / all;
  };
  EXPECT_GT(share_of_energy(rotated, 4), 0.85);
  EXPECT_LT(share_of_energy(rows, 4), 0.4);
}

TEST(AdaptorTrainingTest, RowsOfZerosAreLeftOut) {
  std::vector<float> rows = AnisotropicRows(40, 8, 2);
  const auto without = TrainAdaptor(rows, 8, {}, kGoOn);
  rows.insert(rows.begin() + 80, 16, 0.0F);
  const auto with = TrainAdaptor(rows, 8, {}, kGoOn);
  ASSERT_TRUE(without.ok() && with.ok());
  EXPECT_EQ((*with)->parameters().samples, 40U);
  EXPECT_EQ((*with)->Encode(), (*without)->Encode());
}

TEST(AdaptorTrainingTest, RowsThatTeachNothingAreRefused) {
  const auto message = [](const std::vector<float>& rows, size_t dimensions) {
    const auto adaptor = TrainAdaptor(rows, dimensions, {}, kGoOn);
    EXPECT_EQ(adaptor.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(adaptor.status().message());
  };
  std::vector<float> rows = AnisotropicRows(40, 8, 3);
  EXPECT_THAT(message(rows, 0), HasSubstr("1 to 4096 dimensions"));
  EXPECT_THAT(message(rows, 5000), HasSubstr("these vectors have 5000"));
  EXPECT_THAT(message(rows, 7), HasSubstr("320 numbers make no rows of 7"));
  EXPECT_THAT(message(rows, 64), HasSubstr("5 vectors other than zero are too few"));
  EXPECT_THAT(message({}, 8), HasSubstr("0 vectors other than zero"));
  EXPECT_THAT(message(std::vector<float>(800), 8), HasSubstr("0 vectors other than zero"));
  rows[100] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(rows, 8), HasSubstr("row 12 holds a number that is not finite"));
}

TEST(AdaptorTrainingTest, ProgressRisesAndStops) {
  const std::vector<float> rows = AnisotropicRows(40, 8, 4);
  std::vector<double> shares;
  ASSERT_TRUE(TrainAdaptor(rows, 8, {}, [&](double share) {
                shares.push_back(share);
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(shares.front(), 0);
  EXPECT_EQ(shares.back(), 1);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  for (const double end : {0.0, 1.0}) {
    const auto stopped = TrainAdaptor(rows, 8, {}, [&](double share) {
      return share >= end ? absl::CancelledError("enough") : absl::OkStatus();
    });
    EXPECT_EQ(stopped.status(), absl::CancelledError("enough"));
  }
}

}  // namespace
}  // namespace vecnest::embedder
