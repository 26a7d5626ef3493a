#include <atomic>
#include <thread>

#include "engine/shard.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

// A point that is there all the time is in every answer, however it is being replaced.
TEST(ShardReadTest, ReadersSeeEveryPointOnceWhileItIsReplaced) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path(), {}, /*seal_threshold=*/64);
  ASSERT_TRUE(database->CreateCollection("a", Unnamed(4, Metric::kDot)).ok());
  constexpr uint64_t kPoints = 40;
  const auto write = [&](float value) {
    std::vector<Point> points;
    for (uint64_t i = 0; i < kPoints; ++i) {
      points.push_back(MakePoint(i, std::vector<float>{value, 1, 2, 3}));
    }
    ASSERT_TRUE(
        database->Upsert("a", std::move(points), {.durability = Durability::kBuffered}).ok());
  };
  write(0);
  std::atomic<bool> done = false;
  std::thread reader([&] {
    Query query;
    query.nearest = std::vector<float>{1, 1, 1, 1};
    query.limit = 2 * kPoints;
    query.exact = true;
    while (!done) {
      const auto answer = database->Search("a", query);
      ASSERT_TRUE(answer.ok());
      ASSERT_EQ(answer->points.size(), kPoints);
    }
  });
  for (int i = 1; i < 60; ++i) write(static_cast<float>(i));
  done = true;
  reader.join();
}

TEST(ShardReadTest, WidthsAreMeasuredOfTheNamedVector) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path(), {}, /*seal_threshold=*/1000);
  CollectionConfig config;
  config.vectors["narrow"].size = 4;
  config.vectors["wide"].size = 20;
  config.vectors["wide"].metric = Metric::kEuclid;
  ASSERT_TRUE(database->CreateCollection("a", config).ok());
  EXPECT_TRUE(database->MeasureWidths("a", "wide")->widths.empty());
  std::vector<Point> points;
  for (uint64_t i = 0; i < 30; ++i) {
    std::vector<float> wide(20, 1.0F);
    wide[i % 20] = static_cast<float>(i);
    points.push_back({i, {{"narrow", std::vector<float>{1, 2, 3, 4}}, {"wide", wide}}, "{}"});
  }
  ASSERT_TRUE(database->Upsert("a", std::move(points), {}).ok());
  const auto report = database->MeasureWidths("a", "wide");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->queries, 30u);
  ASSERT_EQ(report->widths.size(), 3u);
  EXPECT_EQ(report->widths[1].dimensions, 16);
  EXPECT_EQ(report->widths[2].dimensions, 20);
  EXPECT_EQ(report->widths[2].recall, 1);
  EXPECT_LT(report->widths[0].recall, 1);
  EXPECT_EQ(report->widths[2].bytes_per_query, 30 * 20 * sizeof(float));
  EXPECT_GT(report->widths[2].queries_per_second, 0);
  EXPECT_EQ(database->MeasureWidths("a", "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(database->MeasureWidths("b", "").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(database->MeasureWidths("a", "wide").ok());  // the next is free to measure
  CallLimits limits;
  limits.deadline = std::chrono::steady_clock::now();
  EXPECT_EQ(database->MeasureWidths("a", "wide", limits).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

// The same under a filter, which is evaluated in the store and applied in the index.
TEST(ShardReadTest, FilteredAnswersMissNothingThatIsBeingReplaced) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path(), {}, /*seal_threshold=*/1000);
  ASSERT_TRUE(database->CreateCollection("a", Unnamed(2, Metric::kDot)).ok());
  std::vector<Point> points;
  for (uint64_t i = 0; i < 500; ++i) {
    points.push_back(MakePoint(i, std::vector<float>{1, 1}, R"({"n": )" + std::to_string(i) + "}"));
  }
  ASSERT_TRUE(database->Upsert("a", points).ok());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done)
      ASSERT_TRUE(database->Upsert("a", {points[7]}, {.durability = Durability::kBuffered}).ok());
  });
  Query query;
  query.nearest = std::vector<float>{1, 0};
  query.filter = Must({"n", MatchCondition{int64_t{7}}});
  for (int i = 0; i < 100; ++i) {
    const auto answer = database->Search("a", query);
    ASSERT_TRUE(answer.ok());
    ASSERT_EQ(answer->points.size(), 1u);
  }
  done = true;
  writer.join();
}

}  // namespace
}  // namespace vecnest::engine
