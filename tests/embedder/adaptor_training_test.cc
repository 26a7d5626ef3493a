#include "embedder/adaptor_training.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/embedder/adaptor_vectors.h"

namespace vecnest::embedder {
namespace {

using ::testing::HasSubstr;

constexpr auto kGoOn = [](double) { return absl::OkStatus(); };

AdaptorTraining Rotation() {
  AdaptorTraining training;
  training.method = AdaptorTraining::Method::kRotation;
  return training;
}

// Training that tests have time for.
AdaptorTraining Prefixes() {
  AdaptorTraining training;
  training.widths = {4, 8};
  training.steps = 60;
  training.batch = 128;
  return training;
}

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

// Rows of a few groups that are far apart, which takes several strong directions, while who is near
// whom within a group shows in weaker ones.
std::vector<float> GroupedRows(size_t count, size_t dimensions, unsigned seed) {
  constexpr size_t kGroups = 6;
  std::vector<float> rows = AnisotropicRows(count, dimensions, seed);
  const std::vector<float> centres = NormalValues(kGroups * dimensions, 98);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] += centres[i / dimensions % kGroups * dimensions + i % dimensions];
  }
  return rows;
}

// What prefixes are taken of: the rotated rows, scaled.
std::vector<float> PrefixForm(const Adaptor& adaptor, const std::vector<float>& rows) {
  std::vector<float> rotated(rows.size());
  EXPECT_TRUE(adaptor.Rotate(rows, absl::MakeSpan(rotated)).ok());
  const std::vector<float>& scales = adaptor.parameters().scales;
  for (size_t i = 0; i < rotated.size(); ++i) rotated[i] *= scales[i % scales.size()];
  return rotated;
}

// The ten rows that are nearest to a row by the cosine of prefixes.
std::set<size_t> Nearest(const std::vector<float>& rows, size_t row, size_t dimensions,
                         size_t width) {
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < rows.size() / dimensions; ++i) {
    if (i == row) continue;
    const float* other = &rows[i * dimensions];
    const double cosine =
        Dot(&rows[row * dimensions], other, width) / std::sqrt(Dot(other, other, width));
    order.emplace_back(-cosine, i);
  }
  std::partial_sort(order.begin(), order.begin() + 10, order.end());
  std::set<size_t> nearest;
  for (size_t i = 0; i < 10; ++i) nearest.insert(order[i].second);
  return nearest;
}

// The share of rows' full-width neighbours that prefixes of their other form find.
double NeighboursFound(const std::vector<float>& rows, const std::vector<float>& form,
                       size_t dimensions, size_t width) {
  size_t found = 0;
  const size_t count = rows.size() / dimensions;
  for (size_t row = 0; row < count; ++row) {
    const std::set<size_t> expected = Nearest(rows, row, dimensions, dimensions);
    for (const size_t other : Nearest(form, row, dimensions, width)) {
      found += expected.contains(other);
    }
  }
  return static_cast<double>(found) / static_cast<double>(10 * count);
}

TEST(AdaptorTrainingTest, RotationPutsTheStrongestDirectionsFirst) {
  constexpr size_t kDimensions = 24;
  const std::vector<float> rows = AnisotropicRows(500, kDimensions, 1);
  const auto adaptor = TrainAdaptor(rows, kDimensions, Rotation(), kGoOn);
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
  const auto without = TrainAdaptor(rows, 8, Prefixes(), kGoOn);
  rows.insert(rows.begin() + 80, 16, 0.0F);
  const auto with = TrainAdaptor(rows, 8, Prefixes(), kGoOn);
  ASSERT_TRUE(without.ok() && with.ok());
  EXPECT_EQ((*with)->parameters().samples, 40U);
  EXPECT_EQ((*with)->Encode(), (*without)->Encode());
}

TEST(AdaptorTrainingTest, RowsThatTeachNothingAreRefused) {
  const auto message = [](const std::vector<float>& rows, size_t dimensions) {
    const auto adaptor = TrainAdaptor(rows, dimensions, Prefixes(), kGoOn);
    EXPECT_EQ(adaptor.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(adaptor.status().message());
  };
  std::vector<float> rows = AnisotropicRows(40, 8, 3);
  EXPECT_THAT(message(rows, 0), HasSubstr("1 to 4096 dimensions"));
  EXPECT_THAT(message(rows, 5000), HasSubstr("these vectors have 5000"));
  EXPECT_THAT(message(rows, 9), HasSubstr("320 numbers make no rows of 9"));
  EXPECT_THAT(message(rows, 64), HasSubstr("5 vectors other than zero are too few"));
  EXPECT_THAT(message({}, 8), HasSubstr("0 vectors other than zero"));
  EXPECT_THAT(message(std::vector<float>(800), 8), HasSubstr("0 vectors other than zero"));
  rows[100] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(rows, 8), HasSubstr("row 12 holds a number that is not finite"));
}

TEST(AdaptorTrainingTest, SettingsThatMakeNoSenseAreRefused) {
  const std::vector<float> rows = AnisotropicRows(40, 8, 5);
  const auto message = [&](const auto& change) {
    AdaptorTraining training = Prefixes();
    change(training);
    const auto adaptor = TrainAdaptor(rows, 8, training, kGoOn);
    EXPECT_EQ(adaptor.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(adaptor.status().message());
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(message([](auto& t) { t.temperature = 0; }), HasSubstr("a temperature of 0.001"));
  EXPECT_THAT(message([](auto& t) { t.temperature = kNan; }), HasSubstr("not nan"));
  EXPECT_THAT(message([](auto& t) { t.learning_rate = 2; }), HasSubstr("learning rate"));
  EXPECT_THAT(message([](auto& t) { t.scale_exponent = -1; }), HasSubstr("scale exponent"));
  EXPECT_THAT(message([](auto& t) { t.steps = 0; }), HasSubstr("number of steps"));
  EXPECT_THAT(message([](auto& t) { t.batch = 1; }), HasSubstr("batch"));
  EXPECT_THAT(message([](auto& t) { t.widths = {4, 9}; }), HasSubstr("no prefix of width 9"));
  EXPECT_THAT(message([](auto& t) { t.widths = {0}; }), HasSubstr("no prefix of width 0"));
}

TEST(AdaptorTrainingTest, DefaultWidths) {
  EXPECT_THAT(DefaultWidths(384), testing::ElementsAre(32, 64, 96, 128, 192, 256));
  EXPECT_THAT(DefaultWidths(33), testing::ElementsAre(32));
  EXPECT_THAT(DefaultWidths(32), testing::ElementsAre(16));
  EXPECT_THAT(DefaultWidths(1), testing::ElementsAre(1));
  EXPECT_EQ(DefaultWidths(4096).back(), 3072U);
}

TEST(AdaptorTrainingTest, PrefixesFindNeighboursBetterThanTheAxesAndThoseThanTruncation) {
  constexpr size_t kDimensions = 24;
  const std::vector<float> rows = GroupedRows(600, kDimensions, 6);
  const std::vector<float> others = GroupedRows(400, kDimensions, 7);
  const auto axes = TrainAdaptor(rows, kDimensions, Rotation(), kGoOn);
  const auto trained = TrainAdaptor(rows, kDimensions, Prefixes(), kGoOn);
  ASSERT_TRUE(axes.ok() && trained.ok()) << axes.status() << trained.status();
  EXPECT_EQ((*trained)->parameters().method, "prefixes");
  EXPECT_EQ((*trained)->parameters().samples, 600U);
  EXPECT_LT(OrthogonalityError((*trained)->parameters().rotation, kDimensions), 1e-6);
  for (const size_t width : {4, 5, 6}) {
    const double truncated = NeighboursFound(others, others, kDimensions, width);
    const double by_axes = NeighboursFound(others, PrefixForm(**axes, others), kDimensions, width);
    const double by_training =
        NeighboursFound(others, PrefixForm(**trained, others), kDimensions, width);
    EXPECT_GT(by_axes, truncated + 0.02) << width;
    EXPECT_GT(by_training, by_axes + 0.08) << width;
  }
}

TEST(AdaptorTrainingTest, TheSameSeedGivesTheSameBitsOnAnyNumberOfThreads) {
  const std::vector<float> rows = AnisotropicRows(300, 24, 8);
  AdaptorTraining training = Prefixes();
  training.steps = 10;
  std::vector<std::string> results;
  for (const auto& [seed, threads] : {std::pair<uint64_t, size_t>{1, 1}, {1, 1}, {1, 3}, {2, 1}}) {
    training.seed = seed;
    training.threads = threads;
    const auto adaptor = TrainAdaptor(rows, 24, training, kGoOn);
    ASSERT_TRUE(adaptor.ok()) << adaptor.status();
    results.push_back((*adaptor)->Encode());
  }
  EXPECT_EQ(results[1], results[0]);
  EXPECT_EQ(results[2], results[0]);
  EXPECT_NE(results[3], results[0]);
}

TEST(AdaptorTrainingTest, FewerRowsThanDimensionsWillDo) {
  constexpr size_t kDimensions = 40;
  const std::vector<float> rows = AnisotropicRows(20, kDimensions, 9);
  AdaptorTraining training = Prefixes();
  for (const size_t dimensions : {kDimensions, size_t{1}}) {
    training.widths.clear();
    const auto adaptor = TrainAdaptor(rows, dimensions, training, kGoOn);
    ASSERT_TRUE(adaptor.ok()) << adaptor.status();
    EXPECT_LT(OrthogonalityError((*adaptor)->parameters().rotation, dimensions), 1e-6);
  }
}

// Queries that have the weaker directions in common with their positives, and not the strongest.
struct Labelled {
  std::vector<float> queries, positives;
};

Labelled PairsInWeakDirections(size_t count, size_t dimensions, unsigned seed) {
  constexpr size_t kCommon = 8;
  const std::vector<float> rotation = RandomRotation(dimensions, 99);  // of AnisotropicRows
  const std::vector<float> common = NormalValues(count * kCommon, seed);
  Labelled pairs = {AnisotropicRows(count, dimensions, seed + 1),
                    AnisotropicRows(count, dimensions, seed + 2)};
  for (size_t i = 0; i < pairs.queries.size(); ++i) {
    float sum = 0;
    for (size_t j = 0; j < kCommon; ++j) {
      const float* direction = &rotation[(dimensions - kCommon + j) * dimensions];
      sum += 0.4F * common[i / dimensions * kCommon + j] * direction[i % dimensions];
    }
    pairs.queries[i] += sum;
    pairs.positives[i] += sum;
  }
  return pairs;
}

// The share of queries whose prefix is nearest to the one of their positive.
double PositivesFound(const Adaptor& adaptor, const Labelled& pairs, size_t width) {
  const size_t dimensions = adaptor.dimensions();
  const std::vector<float> queries = PrefixForm(adaptor, pairs.queries);
  const std::vector<float> positives = PrefixForm(adaptor, pairs.positives);
  const size_t count = queries.size() / dimensions;
  size_t found = 0;
  for (size_t q = 0; q < count; ++q) {
    std::pair<double, size_t> best = {-2, 0};
    for (size_t p = 0; p < count; ++p) {
      const float* row = &positives[p * dimensions];
      const double product = Dot(&queries[q * dimensions], row, width);
      best = std::max(best, {product / std::sqrt(Dot(row, row, width)), p});
    }
    found += best.second == q;
  }
  return static_cast<double>(found) / static_cast<double>(count);
}

TEST(AdaptorTrainingTest, PairsTeachWhatVectorsDoNot) {
  constexpr size_t kDimensions = 24;
  const Labelled pairs = PairsInWeakDirections(800, kDimensions, 10);
  const Labelled others = PairsInWeakDirections(100, kDimensions, 20);
  const auto axes = TrainAdaptor(pairs.positives, kDimensions, Rotation(), kGoOn);
  const auto unlabelled = TrainAdaptor(pairs.positives, kDimensions, Prefixes(), kGoOn);
  AdaptorTraining training = Prefixes();
  training.learning_rate = 0.2;  // far from the axes
  training.temperature = 0.1;
  const AdaptorPairs labelled = {pairs.queries, pairs.positives, {}, 0};
  const auto trained = TrainAdaptorOnPairs(labelled, {}, kDimensions, training, kGoOn);
  ASSERT_TRUE(axes.ok() && unlabelled.ok() && trained.ok()) << trained.status();
  EXPECT_EQ((*trained)->parameters().method, "pairs");
  EXPECT_EQ((*trained)->parameters().samples, 800U);
  EXPECT_LT(OrthogonalityError((*trained)->parameters().rotation, kDimensions), 1e-6);
  for (const size_t width : {4, 8}) {
    const double found = PositivesFound(**trained, others, width);
    EXPECT_GT(found, PositivesFound(**axes, others, width) + 0.3) << width;
    EXPECT_GT(found, PositivesFound(**unlabelled, others, width) + 0.3) << width;
  }
  const auto again = TrainAdaptorOnPairs(labelled, {}, kDimensions, training, kGoOn);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->identity(), (*trained)->identity());
  const auto elsewhere =
      TrainAdaptorOnPairs(labelled, others.positives, kDimensions, training, kGoOn);
  ASSERT_TRUE(elsewhere.ok());
  EXPECT_NE((*elsewhere)->identity(), (*trained)->identity());
}

TEST(AdaptorTrainingTest, PairsThatTeachNothingAreRefused) {
  const std::vector<float> rows = AnisotropicRows(20, 8, 3);
  const std::vector<float> zeros(rows.size());
  const auto message = [&](const AdaptorPairs& pairs) {
    const auto adaptor = TrainAdaptorOnPairs(pairs, {}, 8, Prefixes(), kGoOn);
    EXPECT_EQ(adaptor.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(adaptor.status().message());
  };
  EXPECT_THAT(message({rows, zeros, {}, 0}), HasSubstr("0 pairs other than zero are too few"));
  EXPECT_THAT(message({rows, {}, {}, 0}), HasSubstr("20 queries with 0 positives"));
  EXPECT_THAT(message({rows, rows, rows, 2}), HasSubstr("20 negatives are no pairs of 2"));
}

TEST(AdaptorTrainingTest, ProgressRisesAndStops) {
  const std::vector<float> rows = AnisotropicRows(40, 8, 4);
  AdaptorTraining training = Prefixes();
  std::vector<double> shares;
  ASSERT_TRUE(TrainAdaptor(rows, 8, training, [&](double share) {
                shares.push_back(share);
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(shares.front(), 0);
  EXPECT_EQ(shares.back(), 1);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  for (const double end : {0.0, 0.5, 1.0}) {
    const auto stopped = TrainAdaptor(rows, 8, training, [&](double share) {
      return share >= end ? absl::CancelledError("enough") : absl::OkStatus();
    });
    EXPECT_EQ(stopped.status(), absl::CancelledError("enough"));
  }
}

}  // namespace
}  // namespace vecnest::embedder
