// Changing the adaptor of a shard: nothing is lost, whatever goes on meanwhile.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/engine/shard_fixture.h"

namespace vecnest::engine {
namespace {

namespace fs = std::filesystem;

// A turn in the plane of the first two axes, and an exchange of the others.
std::shared_ptr<const embedder::Adaptor> Turn(float cosine) {
  const float sine = std::sqrt(1 - cosine * cosine);
  embedder::AdaptorParameters parameters;
  parameters.dimensions = kDimensions;
  parameters.rotation = {cosine, -sine, 0, 0, sine, cosine, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0};
  parameters.scales = {1, 1.1F, 1.2F, 1.3F};
  parameters.method = "prefixes";
  parameters.samples = 7;
  auto adaptor = embedder::Adaptor::Create(parameters);
  EXPECT_TRUE(adaptor.ok()) << adaptor.status();
  return *adaptor;
}

class ShardAdaptTest : public ShardTest {
 protected:
  void WriteOne(uint64_t id, float value) {
    Write({{{0, 0, id},
            PointChange::Kind::kReplace,
            "{}",
            {{0, std::nullopt, std::nullopt, {value, 2, static_cast<float>(id % 17), 1}}},
            {}}});
  }
  void DeleteOne(uint64_t id) { Write({{{0, 0, id}, PointChange::Kind::kDelete, {}, {}, {}}}); }

  absl::Status Set(std::shared_ptr<const embedder::Adaptor> adaptor) {
    IndexingProgress progress;
    return shard_->SetAdaptor(0, std::move(adaptor), never_, progress);
  }
  std::optional<AdaptorInfo> Info() const { return shard_->Describe().vectors.at("").adaptor; }
  std::vector<std::string> Directories() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_.path() + "/segments")) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  const std::atomic<bool> never_ = false;
};

TEST_P(ShardAdaptTest, KeepsEveryPointAndItsDistances) {
  for (uint64_t id = 0; id < 200; ++id) WriteOne(id, static_cast<float>(id));
  for (uint64_t id = 0; id < 200; id += 7) DeleteOne(id);
  ASSERT_TRUE(Set(Turn(0.6F)).ok());
  EXPECT_EQ(Info()->identity, Turn(0.6F)->identity());
  EXPECT_EQ(Info()->samples, 7U);
  EXPECT_THAT(Directories(), testing::ElementsAre("0-1"));
  ExpectModel();
  Restart();
  EXPECT_EQ(Info()->identity, Turn(0.6F)->identity());
  ExpectModel();
  for (uint64_t id = 100; id < 300; ++id) WriteOne(id, 3);
  ExpectModel();
  ASSERT_TRUE(shard_->Optimize().ok());
  Restart();
  ExpectModel();

  ASSERT_TRUE(Set(Turn(0.8F)).ok());
  EXPECT_EQ(Info()->identity, Turn(0.8F)->identity());
  ExpectModel();
  ASSERT_TRUE(Set(nullptr).ok());
  EXPECT_FALSE(Info().has_value());
  EXPECT_THAT(Directories(), testing::ElementsAre("0-3"));
  Restart();
  EXPECT_FALSE(Info().has_value());
  ExpectModel();
}

// Few vectors are scanned, which finds all; a graph would not.
TEST_P(ShardAdaptTest, WhatHadNoGraphGetsNone) {
  for (uint64_t id = 0; id < 30; ++id) WriteOne(id, static_cast<float>(id));
  ASSERT_TRUE(Set(Turn(0.6F)).ok());
  EXPECT_EQ(shard_->Describe().vectors.at("").indexed_vectors, 0U);
  Restart();
  ExpectModel();
  ASSERT_TRUE(shard_->Optimize().ok());
  const uint64_t indexed = shard_->points();
  for (uint64_t id = 50; id < 70; ++id) WriteOne(id, static_cast<float>(id));
  ASSERT_TRUE(Set(nullptr).ok());
  EXPECT_EQ(shard_->Describe().vectors.at("").indexed_vectors, indexed);
  Restart();
  ExpectModel();
}

TEST_P(ShardAdaptTest, AnEmptyShardHasOneFromTheStart) {
  ASSERT_TRUE(Set(Turn(0.6F)).ok());
  for (uint64_t id = 0; id < 100; ++id) WriteOne(id, static_cast<float>(id));
  ExpectModel();
  Restart();
  ExpectModel();
}

TEST_P(ShardAdaptTest, WritesAndBackgroundWorkGoOn) {
  for (uint64_t id = 0; id < 2000; ++id) WriteOne(id, 1);
  std::atomic<bool> done = false;
  std::thread background([&] {
    while (!done) {
      EXPECT_TRUE(shard_->Seal(never_).ok());
      EXPECT_TRUE(shard_->Merge(never_).ok());
    }
  });
  std::thread reader([&] {
    while (!done) {
      Query query;
      query.limit = 100;
      const auto found = shard_->Nearest({0, {1, 2, 3, 1}, {}}, query, CallLimits{}, nullptr);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_GT(found->size(), 80U);  // without those that were deleted since they were found
    }
  });
  absl::Status first;
  std::thread adapter([&] {
    for (int round = 0; round < 6; ++round) {
      first.Update(Set(round % 2 == 0 ? Turn(0.6F) : nullptr));
    }
    done = true;
  });
  std::mt19937 random(3);
  while (!done) {
    const uint64_t id = random() % 900;
    if (random() % 4 == 0) {
      DeleteOne(id);
    } else {
      WriteOne(id, static_cast<float>(random() % 100));
    }
  }
  adapter.join();
  reader.join();
  background.join();
  EXPECT_TRUE(first.ok()) << first;
  ExpectModel();
  Restart();
  ExpectModel();
  EXPECT_EQ(shard_->definition()->slots[0].index_generation, 6U);
}

TEST_P(ShardAdaptTest, StoppedNothingHasChanged) {
  for (uint64_t id = 0; id < 100; ++id) WriteOne(id, 1);
  const std::atomic<bool> stop = true;
  IndexingProgress progress;
  EXPECT_TRUE(absl::IsCancelled(shard_->SetAdaptor(0, Turn(0.6F), stop, progress)));
  EXPECT_FALSE(Info().has_value());
  EXPECT_THAT(Directories(), testing::ElementsAre("0"));
  ExpectModel();
  shard_->Drop();
  EXPECT_TRUE(absl::IsNotFound(Set(Turn(0.6F))));
}

// What a process left that ended in the middle.
TEST_P(ShardAdaptTest, LeftOversAreRemovedAtTheNextStart) {
  for (uint64_t id = 0; id < 100; ++id) WriteOne(id, 1);
  fs::create_directories(directory_.path() + "/segments/0-1");
  std::ofstream(directory_.path() + "/segments/0-1/segment-1") << "half";
  Restart();
  EXPECT_THAT(Directories(), testing::ElementsAre("0"));
  ExpectModel();
}

TEST_P(ShardAdaptTest, DamagedSegmentsAreMadeAnewAsTheyWere) {
  for (uint64_t id = 0; id < 200; ++id) WriteOne(id, static_cast<float>(id));
  ASSERT_TRUE(Set(Turn(0.6F)).ok());
  for (const auto& entry : fs::directory_iterator(directory_.path() + "/segments/0-1")) {
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000);
    file.put('x');
    file.put('y');
  }
  Restart();
  VerifyReport report;
  ASSERT_TRUE(shard_->Verify(report).ok());
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_THAT(report.problems[0], testing::HasSubstr("was rebuilt from the store"));
  Restart();
  ExpectModel();
}

TEST_P(ShardAdaptTest, ManhattanIsRefused) {
  for (uint64_t id = 0; id < 60; ++id) WriteOne(id, 1);
  ASSERT_TRUE(Set(Turn(0.6F)).ok());
  Query query;
  query.metric = Metric::kManhattan;
  const auto found = shard_->Nearest({0, {1, 2, 3, 1}, {}}, query, CallLimits{}, nullptr);
  EXPECT_TRUE(absl::IsFailedPrecondition(found.status())) << found.status();
  EXPECT_TRUE(absl::IsFailedPrecondition(shard_->Update({.metrics = {{"", Metric::kManhattan}}})));
  EXPECT_TRUE(shard_->Update({.metrics = {{"", Metric::kCosine}}}).ok());
  ASSERT_TRUE(Set(nullptr).ok());
  EXPECT_TRUE(shard_->Nearest({0, {1, 2, 3, 1}, {}}, query, CallLimits{}, nullptr).ok());
  // Changed while the adaptor was being learned.
  ASSERT_TRUE(shard_->Update({.metrics = {{"", Metric::kManhattan}}}).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Set(Turn(0.6F))));
  EXPECT_FALSE(Info().has_value());
  EXPECT_TRUE(shard_->Nearest({0, {1, 2, 3, 1}, {}}, query, CallLimits{}, nullptr).ok());
}

TEST_P(ShardAdaptTest, SamplesAreEvenlyDrawnAndRepeatable) {
  for (uint64_t id = 0; id < 400; ++id) WriteOne(id, static_cast<float>(id));
  const auto sample = shard_->SampleVectors(0, 100, 5, never_);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_EQ(sample->size(), 100U * kDimensions);
  EXPECT_EQ(*sample, *shard_->SampleVectors(0, 100, 5, never_));
  EXPECT_NE(*sample, *shard_->SampleVectors(0, 100, 6, never_));
  double mean = 0;
  for (size_t row = 0; row < 100; ++row) mean += (*sample)[row * kDimensions] / 100;
  EXPECT_NEAR(mean, 199.5, 40);  // of a uniform draw of 100, within 3.5 deviations
  EXPECT_EQ(shard_->SampleVectors(0, 1000, 5, never_)->size(), shard_->points() * kDimensions);
}

INSTANTIATE_TEST_SUITE_P(Logs, ShardAdaptTest, testing::Bool(), [](const auto& instance) {
  return instance.param ? "Unreliable" : "Local";
});

}  // namespace
}  // namespace vecnest::engine
