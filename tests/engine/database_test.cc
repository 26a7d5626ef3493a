#include <filesystem>
#include <fstream>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/store.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

std::vector<float> RandomVector(std::mt19937& random, int size) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(static_cast<size_t>(size));
  for (float& value : vector) value = normal(random);
  return vector;
}

void FillWithVectors(Database& database, const std::string& name, int count, int size) {
  std::mt19937 random(1);
  std::vector<Point> points;
  for (int i = 0; i < count; ++i) {
    points.push_back(MakePoint(static_cast<uint64_t>(i), RandomVector(random, size)));
  }
  ASSERT_TRUE(database.Upsert(name, std::move(points)).ok());
}

std::vector<PointId> Answer(const Database& database, const Query& query) {
  const auto answer = database.Search("a", query);
  EXPECT_TRUE(answer.ok()) << answer.status();
  std::vector<PointId> ids;
  for (const ScoredPoint& point : answer->points) ids.push_back(point.id);
  return ids;
}

TEST(DatabaseTest, CollectionsLiveThroughReopening) {
  const TemporaryDirectory directory;
  {
    auto database = OpenOrDie(directory.path());
    ASSERT_TRUE(database->CreateCollection("a", Unnamed(4)).ok());
    ASSERT_TRUE(database->CreateCollection("b", Unnamed(8, Metric::kDot)).ok());
    EXPECT_EQ(database->CreateCollection("a", Unnamed(4)).code(), absl::StatusCode::kAlreadyExists);
    EXPECT_TRUE(*database->DeleteCollection("a"));
    EXPECT_FALSE(*database->DeleteCollection("a"));
  }
  auto database = OpenOrDie(directory.path());
  EXPECT_THAT(database->CollectionNames(), testing::ElementsAre("b"));
  const auto info = database->DescribeCollection("b");
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->config.vectors.at("").size, 8);
  EXPECT_EQ(info->config.vectors.at("").metric, Metric::kDot);
  EXPECT_EQ(database->DescribeCollection("a").status().code(), absl::StatusCode::kNotFound);
}

TEST(DatabaseTest, ADeletedCollectionLeavesNothingForItsSuccessor) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path());
  ASSERT_TRUE(database->CreateCollection("a", Unnamed(4)).ok());
  FillWithVectors(*database, "a", 200, 4);
  ASSERT_TRUE(database->Optimize("a").ok());
  ASSERT_TRUE(*database->DeleteCollection("a"));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() + "/segments"));
  ASSERT_TRUE(database->CreateCollection("a", Unnamed(4)).ok());
  EXPECT_EQ(*database->Count("a", {}), 0u);
  EXPECT_THAT(database->Scroll("a", {})->records, IsEmpty());
}

TEST(DatabaseTest, ACollectionThatCanNotBeLoadedCanBeDeleted) {
  const TemporaryDirectory directory;
  {
    auto database = OpenOrDie(directory.path());
    ASSERT_TRUE(database->CreateCollection("a", Unnamed(4)).ok());
    ASSERT_TRUE(database->CreateCollection("b", Unnamed(4)).ok());
    FillWithVectors(*database, "a", 20, 4);
  }
  {
    auto store = *storage::Store::Open(directory.path() + "/store");
    storage::Batch batch;
    batch.DeletePrefix(storage::Family::kMeta, "count/");
    ASSERT_TRUE(store->Write(batch).ok());
  }
  auto database = OpenOrDie(directory.path());
  EXPECT_THAT(database->DescribeCollection("a")->error, HasSubstr("count"));
  EXPECT_THAT(Message(database->Count("a", {}).status()), HasSubstr("could not be loaded"));
  EXPECT_TRUE(*database->DeleteCollection("a"));
  EXPECT_FALSE(*database->DeleteCollection("a"));
  ASSERT_TRUE(database->CreateCollection("a", Unnamed(8)).ok());
  EXPECT_EQ(*database->Count("a", {}), 0u);
}

TEST(DatabaseTest, SealedSegmentsAreNotRebuiltAtStart) {
  const TemporaryDirectory directory;
  {
    auto database = OpenOrDie(directory.path());
    ASSERT_TRUE(database->CreateCollection("a", Unnamed(8)).ok());
    FillWithVectors(*database, "a", 300, 8);
    ASSERT_TRUE(database->Optimize("a").ok());
  }
  std::vector<std::pair<std::string, std::filesystem::file_time_type>> before;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(directory.path() + "/segments")) {
    if (entry.is_regular_file())
      before.emplace_back(entry.path().string(), entry.last_write_time());
  }
  ASSERT_FALSE(before.empty());
  auto database = OpenOrDie(directory.path());
  EXPECT_EQ(database->DescribeCollection("a")->vectors.at("").indexed_vectors, 300u);
  for (const auto& [path, time] : before) {
    EXPECT_EQ(std::filesystem::last_write_time(path), time);
  }
  EXPECT_THAT(database->Verify(0)->problems, IsEmpty());
}

TEST(DatabaseTest, ADamagedSegmentIsRebuiltFromTheStore) {
  const TemporaryDirectory directory;
  Query query;
  query.nearest = std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0};
  std::vector<PointId> before;
  {
    auto database = OpenOrDie(directory.path());
    ASSERT_TRUE(database->CreateCollection("a", Unnamed(8)).ok());
    FillWithVectors(*database, "a", 300, 8);
    ASSERT_TRUE(database->Delete("a", std::vector<PointId>{7}).ok());
    ASSERT_TRUE(database->Optimize("a").ok());
    before = Answer(*database, query);
  }
  int damaged = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(directory.path() + "/segments")) {
    if (!entry.is_regular_file()) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(entry.file_size() / 2));
    file.put('\x5a');
    file.put('\xa5');
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  auto database = OpenOrDie(directory.path());
  EXPECT_EQ(*database->Count("a", {}), 299u);
  EXPECT_EQ(Answer(*database, query), before);
  // Told once, because whoever damaged it may do so again.
  EXPECT_THAT(database->Verify(0)->problems, Each(HasSubstr("was rebuilt from the store")));
  database.reset();
  database = OpenOrDie(directory.path());
  EXPECT_THAT(database->Verify(0)->problems, IsEmpty());
}

TEST(DatabaseTest, TheDefaultMetricCanBeChanged) {
  const TemporaryDirectory directory;
  {
    auto database = OpenOrDie(directory.path());
    ASSERT_TRUE(database->CreateCollection("a", Unnamed(2, Metric::kCosine)).ok());
    ASSERT_TRUE(database
                    ->Upsert("a", {MakePoint(1, std::vector<float>{1, 0}),
                                   MakePoint(2, std::vector<float>{5, 5})})
                    .ok());
    EXPECT_EQ(database->UpdateCollection("a", {.metrics = {{"no", Metric::kDot}}}).code(),
              absl::StatusCode::kInvalidArgument);
    ASSERT_TRUE(database->UpdateCollection("a", {.metrics = {{"", Metric::kDot}}}).ok());
  }
  auto database = OpenOrDie(directory.path());
  Query query;
  query.nearest = std::vector<float>{1, 0};
  query.explain = true;
  const auto answer = database->Search("a", query);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->plan->metric, Metric::kDot);
  EXPECT_EQ(answer->points[0].id, PointId(2));
  EXPECT_FLOAT_EQ(answer->points[0].score, 5);
}

TEST(DatabaseTest, OneProcessAtATime) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path());
  EXPECT_EQ(Database::Open({directory.path(), {}, {.threads = 1}, 64}).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(DatabaseTest, VerifyFindsATextThatEncodesDifferently) {
  const TemporaryDirectory directory;
  {
    auto database = OpenOrDie(directory.path(), {TinyModel()});
    ASSERT_TRUE(database->CreateCollection("a", Unnamed(kTinyDimensions)).ok());
    ASSERT_TRUE(database
                    ->Upsert("a", {MakePoint(1, Text{"the cat sat", "", {}}),
                                   MakePoint(2, Text{"big dog", "", ""})})
                    .ok());
    const auto report = database->Verify(10);
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->texts_reencoded, 2u);
    EXPECT_THAT(report->problems, IsEmpty());
  }
  // Without the model the texts are left out, not failed.
  EXPECT_EQ(OpenOrDie(directory.path())->Verify(10)->texts_reencoded, 0u);
  DatabaseOptions options;
  options.directory = directory.path();
  options.models = {TinyModel()};
  options.model_options = {.threads = 1, .precision = Precision::kInt8};
  const auto coarse = Database::Open(options);
  if (!coarse.ok()) {
    GTEST_SKIP() << coarse.status();  // the CPU lacks the instructions
  }
  const auto report = (*coarse)->Verify(10);
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->problems, Contains(HasSubstr("its text now encodes, in int8")));
}

TEST(DatabaseTest, AModelThatIsMissingIsNamed) {
  const TemporaryDirectory directory;
  const auto database = Database::Open({directory.path(), {"no-such-model"}, {.threads = 1}, 64});
  EXPECT_EQ(database.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(database.status()), HasSubstr("no-such-model"));
}

TEST(DatabaseTest, ACollectionThatCouldNotBeMadeDoesNotComeBack) {
  const TemporaryDirectory directory;
  const std::string segments = directory.path() + "/segments";
  {
    auto database = OpenOrDie(directory.path());
    std::filesystem::remove_all(segments);
    std::ofstream(segments) << "in the way";
    EXPECT_FALSE(database->CreateCollection("c", Unnamed(4)).ok());
    EXPECT_FALSE(database->HasCollection("c"));
    std::filesystem::remove(segments);
  }
  auto database = OpenOrDie(directory.path());
  EXPECT_THAT(database->CollectionNames(), IsEmpty());
  EXPECT_TRUE(database->CreateCollection("c", Unnamed(4)).ok());
}

// An update that is under way when its collection is deleted does not bring it back.
TEST(DatabaseTest, UpdatesRacingADeletion) {
  TemporaryDirectory directory;
  {
    auto database = OpenOrDie(directory.path());
    for (int round = 0; round < 30; ++round) {
      ASSERT_TRUE(database->CreateCollection("c", Unnamed(4)).ok());
      std::thread updates([&] {
        for (int i = 0; i < 20; ++i) {
          CollectionUpdate update;
          update.metrics[""] = i % 2 == 0 ? Metric::kDot : Metric::kCosine;
          const auto status = database->UpdateCollection("c", update);
          EXPECT_TRUE(status.ok() || absl::IsNotFound(status)) << status;
        }
      });
      EXPECT_TRUE(*database->DeleteCollection("c"));
      updates.join();
      EXPECT_FALSE(database->HasCollection("c"));
    }
  }
  EXPECT_TRUE(OpenOrDie(directory.path())->CollectionNames().empty());
}

}  // namespace
}  // namespace vecnest
