#include "engine/maintainer.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

TEST(MaintainerTest, SealsWhatHasGrownWithoutBeingAsked) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path(), {}, /*seal_threshold=*/100);
  ASSERT_TRUE(database->CreateCollection("a", Unnamed(2)).ok());
  std::vector<Point> points;
  for (uint64_t i = 0; i < 150; ++i) {
    points.push_back(MakePoint(i, std::vector<float>{1, static_cast<float>(i)}));
  }
  ASSERT_TRUE(database->Upsert("a", std::move(points)).ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (database->DescribeCollection("a")->vectors.at("").indexed_vectors < 100) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(database->Verify(0)->problems.empty());
}

bool Eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::vector<Point> PointsFrom(uint64_t first, uint64_t count) {
  std::vector<Point> points;
  for (uint64_t id = first; id < first + count; ++id) {
    points.push_back(MakePoint(id, std::vector<float>{1, static_cast<float>(id)}));
  }
  return points;
}

class RestTest : public testing::TestWithParam<double> {
 protected:
  // Three segments, which are not merged while more is expected.
  void SetUp() override {
    DatabaseOptions options;
    options.directory = directory_.path();
    options.seal_threshold = 100;
    options.rest_seconds = GetParam();
    auto opened = Database::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    ASSERT_TRUE(database_->CreateCollection("a", Unnamed(2)).ok());
  }

  VectorInfo Info() const { return database_->DescribeCollection("a")->vectors.at(""); }

  void WriteThreeSegments() {
    // Each as many as are sealed at once: none remain.
    for (uint64_t first : {0, 100, 200}) {
      ASSERT_TRUE(database_->Upsert("a", PointsFrom(first, 100)).ok());
      ASSERT_TRUE(Eventually([&] { return Info().indexed_vectors == first + 100; }));
    }
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

using SettlingTest = RestTest;

TEST_P(SettlingTest, AtRestOneGraphIsMadeOfAll) {
  WriteThreeSegments();
  EXPECT_TRUE(Eventually([&] { return Info().segments == 1; }));
  EXPECT_EQ(Info().indexed_vectors, 300U);
  // Then of what comes later.
  ASSERT_TRUE(database_->Upsert("a", PointsFrom(300, 100)).ok());
  EXPECT_TRUE(Eventually([&] { return Info().segments == 1 && Info().indexed_vectors == 400; }));
  EXPECT_TRUE(database_->Verify(0)->problems.empty());
}

INSTANTIATE_TEST_SUITE_P(Soon, SettlingTest, testing::Values(0.05));

using RestlessTest = RestTest;

TEST_P(RestlessTest, NothingIsMergedFurther) {
  WriteThreeSegments();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(Info().segments, 3U);
  ASSERT_TRUE(database_->Optimize("a").ok());
  EXPECT_EQ(Info().segments, 1U);
}

INSTANTIATE_TEST_SUITE_P(NeverOrLater, RestlessTest, testing::Values(0, 3600));

TEST(MaintainerTest, NothingIsMergedFurtherWhileVectorsKeepComing) {
  const TemporaryDirectory directory;
  DatabaseOptions options;
  options.directory = directory.path();
  options.seal_threshold = 2000;
  options.rest_seconds = 2;
  auto opened = Database::Open(options);
  ASSERT_TRUE(opened.ok()) << opened.status();
  Database& database = **opened;
  ASSERT_TRUE(database.CreateCollection("a", Unnamed(2)).ok());
  const auto info = [&] { return database.DescribeCollection("a")->vectors.at(""); };
  for (uint64_t first : {0, 2000, 4000}) {
    ASSERT_TRUE(database.Upsert("a", PointsFrom(first, 2000)).ok());
    ASSERT_TRUE(Eventually([&] { return info().segments * 2000 == first + 2000; }));
  }
  // Too few to be sealed, too many for a rest.
  for (int i = 0; i < 15; ++i) {
    ASSERT_TRUE(database.Upsert("a", PointsFrom(0, 130)).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_EQ(info().segments, 3U);
  }
  EXPECT_TRUE(Eventually([&] { return info().segments == 1; }));
}

TEST(MaintainerTest, ARestHasALength) {
  const TemporaryDirectory directory;
  DatabaseOptions options;
  options.directory = directory.path();
  for (const double wrong : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    options.rest_seconds = wrong;
    EXPECT_TRUE(absl::IsInvalidArgument(Database::Open(options).status())) << wrong;
  }
}

// There is always something to seal in one collection: its segments are merged all the same, and
// another collection has its turn.
TEST(MaintainerTest, AnEndlessImportKeepsNothingElseWaiting) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path(), {}, /*seal_threshold=*/100);
  ASSERT_TRUE(database->CreateCollection("endless", Unnamed(2)).ok());
  ASSERT_TRUE(database->CreateCollection("small", Unnamed(2)).ok());
  std::atomic<bool> done = false;
  std::thread import([&] {
    for (uint64_t id = 0; !done; id += 500) {
      ASSERT_TRUE(database->Upsert("endless", PointsFrom(id, 500)).ok());
    }
  });
  const auto vector_of = [&](const char* name) {
    return database->DescribeCollection(name)->vectors.at("");
  };
  EXPECT_TRUE(Eventually([&] { return vector_of("endless").indexed_vectors >= 3000; }));
  ASSERT_TRUE(database->Upsert("small", PointsFrom(0, 150)).ok());
  EXPECT_TRUE(Eventually([&] { return vector_of("small").indexed_vectors >= 100; }));
  // Segments of 100 to 600 vectors without merging.
  EXPECT_TRUE(Eventually([&] {
    const VectorInfo info = vector_of("endless");
    return info.indexed_vectors > info.segments * 1000;
  }));
  done = true;
  import.join();
  const uint64_t points = database->DescribeCollection("endless")->points;
  database.reset();
  database = OpenOrDie(directory.path(), {}, /*seal_threshold=*/100);
  EXPECT_EQ(database->DescribeCollection("endless")->points, points);
  EXPECT_TRUE(database->Verify(0)->problems.empty());
}

// What was to be sealed of it must not be tried again and again.
TEST(MaintainerTest, ADeletedCollectionKeepsNobodyWaiting) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path(), {}, /*seal_threshold=*/100);
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(database->CreateCollection("gone", Unnamed(2)).ok());
    for (uint64_t id = 0; id < 3000; id += 150) {
      ASSERT_TRUE(database->Upsert("gone", PointsFrom(id, 150)).ok());
    }
    ASSERT_TRUE(*database->DeleteCollection("gone"));
  }
  ASSERT_TRUE(database->CreateCollection("next", Unnamed(2)).ok());
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(database->Upsert("next", PointsFrom(0, 150)).ok());
  EXPECT_TRUE(Eventually(
      [&] { return database->DescribeCollection("next")->vectors.at("").indexed_vectors >= 100; }));
  // A piece of work that failed is tried again after ten seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(8));
}

TEST(MaintainerTest, EndsWithoutWork) { const Maintainer maintainer(absl::Seconds(1)); }

}  // namespace
}  // namespace vecnest::engine
