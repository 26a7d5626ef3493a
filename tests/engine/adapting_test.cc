#include "engine/adapting.h"

#include <chrono>
#include <cmath>
#include <random>
#include <thread>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

using ::testing::HasSubstr;

constexpr int kWidth = 64;

std::vector<std::vector<float>> Directions() {
  std::mt19937 random(12);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> directions(3, std::vector<float>(kWidth));
  for (auto& direction : directions) {
    for (float& value : direction) value = normal(random);
  }
  return directions;
}

// Unit vectors that lie mostly along three directions which no axis has for itself.
std::vector<Point> Anisotropic(uint64_t count) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  const auto directions = Directions();
  std::vector<Point> points;
  for (uint64_t id = 0; id < count; ++id) {
    std::vector<float> vector(kWidth);
    for (float& value : vector) value = 0.3F * normal(random);
    for (const auto& direction : directions) {
      const float weight = normal(random);
      for (int i = 0; i < kWidth; ++i) vector[i] += weight * direction[i];
    }
    double squared = 0;
    for (const float value : vector) squared += double{value} * value;
    for (float& value : vector) value = static_cast<float>(value / std::sqrt(squared));
    points.push_back(MakePoint(id, std::move(vector)));
  }
  return points;
}

AdaptJob Await(const Database& database, const std::string& collection) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (true) {
    const AdaptJob job = *database.FindAdaptJob(collection);
    if (!job.running() || std::chrono::steady_clock::now() > deadline) return job;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

class AdaptingTest : public ::testing::Test {
 protected:
  void SetUp() override { Fill("c", 600); }
  void Fill(const std::string& name, uint64_t count, Metric metric = Metric::kCosine) {
    ASSERT_TRUE(database_->CreateCollection(name, Unnamed(kWidth, metric)).ok());
    ASSERT_TRUE(database_->Upsert(name, Anisotropic(count)).ok());
  }
  std::optional<AdaptorInfo> Info(const std::string& name = "c") const {
    return database_->DescribeCollection(name)->vectors.at("").adaptor;
  }
  // Of the ten nearest, the share that a search at 8 of 64 dimensions finds.
  double KeptByAPrefix() const {
    double kept = 0;
    const auto points = Anisotropic(50);
    for (const Point& point : points) {
      Query query;
      query.nearest = std::get<std::vector<float>>(point.vectors.at(""));
      query.exact = true;
      const auto full = database_->Search("c", query);
      query.dimensions = 8;
      const auto prefix = database_->Search("c", query);
      EXPECT_TRUE(full.ok() && prefix.ok());
      for (const ScoredPoint& hit : prefix->points) {
        for (const ScoredPoint& other : full->points) kept += hit.id == other.id ? 0.1 : 0;
      }
    }
    return kept / static_cast<double>(points.size());
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<Database> database_ = OpenOrDie(directory_.path());
};

TEST_F(AdaptingTest, PrefixesKeepMoreOfTheAnswer) {
  EXPECT_EQ(database_->FindAdaptJob("c")->phase, AdaptPhase::kNone);
  const double before = KeptByAPrefix();
  for (const AdaptMethod method : {AdaptMethod::kRotation, AdaptMethod::kPrefixes}) {
    ASSERT_TRUE(database_->StartAdapting("c", {.method = method}).ok());
    const AdaptJob job = Await(*database_, "c");
    EXPECT_EQ(job.phase, AdaptPhase::kDone) << job.error;
    EXPECT_EQ(job.progress, 1);
    EXPECT_GT(job.seconds, 0);
    EXPECT_EQ(Info()->method, AdaptMethodName(method));
    EXPECT_EQ(job.made, AdaptMethodName(method));
    EXPECT_EQ(Info()->samples, 600U);
    EXPECT_GT(KeptByAPrefix(), before + 0.2);
    // The start of a vector before the adaptor is no prefix of it after.
    Query query;
    query.nearest = std::vector<float>(8, 1.0F);
    query.dimensions = 8;
    EXPECT_TRUE(absl::IsInvalidArgument(database_->Search("c", query).status()));
    EXPECT_TRUE(database_->Verify(0)->problems.empty());
  }
  const std::string identity = Info()->identity;
  database_.reset();
  database_ = OpenOrDie(directory_.path());
  EXPECT_EQ(Info()->identity, identity);
  EXPECT_EQ(database_->FindAdaptJob("c")->phase, AdaptPhase::kNone);
  ASSERT_TRUE(database_->StartAdapting("c", {.method = AdaptMethod::kNone}).ok());
  EXPECT_EQ(Await(*database_, "c").phase, AdaptPhase::kDone);
  EXPECT_FALSE(Info().has_value());
  EXPECT_NEAR(KeptByAPrefix(), before, 1e-9);
}

TEST_F(AdaptingTest, TheSameSeedGivesTheSameAdaptor) {
  std::vector<std::string> identities;
  for (const uint64_t seed : {1, 2, 1}) {
    ASSERT_TRUE(database_->StartAdapting("c", {.samples = 300, .seed = seed}).ok());
    ASSERT_EQ(Await(*database_, "c").phase, AdaptPhase::kDone);
    identities.push_back(Info()->identity);
  }
  EXPECT_EQ(identities[0], identities[2]);
  EXPECT_NE(identities[0], identities[1]);
}

TEST_F(AdaptingTest, AGivenAdaptorIsThatOfTheOther) {
  EXPECT_TRUE(absl::IsNotFound(database_->ReadAdaptor("c", "").status()));
  const double before = KeptByAPrefix();
  ASSERT_TRUE(database_->StartAdapting("c", {}).ok());
  ASSERT_EQ(Await(*database_, "c").phase, AdaptPhase::kDone);
  const AdaptorInfo learned = *Info();
  const std::string bytes = *database_->ReadAdaptor("c", "");
  ASSERT_TRUE(database_->DeleteCollection("c").ok());
  // Empty, filled only then.
  ASSERT_TRUE(database_->CreateCollection("c", Unnamed(kWidth, Metric::kCosine)).ok());
  const AdaptRequest given = {.method = AdaptMethod::kGiven, .adaptor = bytes};
  ASSERT_TRUE(database_->StartAdapting("c", given).ok());
  const AdaptJob job = Await(*database_, "c");
  EXPECT_EQ(job.phase, AdaptPhase::kDone) << job.error;
  EXPECT_EQ(job.made, "prefixes");
  EXPECT_TRUE(job.request.adaptor.empty());
  EXPECT_EQ(Info()->identity, learned.identity);
  EXPECT_EQ(Info()->samples, learned.samples);
  ASSERT_TRUE(database_->Upsert("c", Anisotropic(600)).ok());
  EXPECT_GT(KeptByAPrefix(), before + 0.2);
  EXPECT_EQ(*database_->ReadAdaptor("c", ""), bytes);
  // In place of another, over a collection that has vectors.
  Fill("full", 300);
  ASSERT_TRUE(database_->StartAdapting("full", given).ok());
  EXPECT_EQ(Await(*database_, "full").phase, AdaptPhase::kDone);
  EXPECT_EQ(Info("full")->identity, learned.identity);

  const auto refused = [&](const std::string& name, const AdaptRequest& request) {
    return database_->StartAdapting(name, request);
  };
  EXPECT_TRUE(absl::IsInvalidArgument(refused("c", {.method = AdaptMethod::kGiven})));
  EXPECT_TRUE(absl::IsInvalidArgument(refused("c", {.adaptor = bytes})));
  std::string damaged = bytes;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_TRUE(
      absl::IsInvalidArgument(refused("c", {.method = AdaptMethod::kGiven, .adaptor = damaged})));
  ASSERT_TRUE(database_->CreateCollection("wider", Unnamed(kWidth + 1, Metric::kCosine)).ok());
  EXPECT_THAT(std::string(refused("wider", given).message()), HasSubstr("of 65 dimensions"));
  EXPECT_FALSE(Info("wider").has_value());
}

TEST(GivenAdaptorTest, IsOfOneModel) {
  const TemporaryDirectory directory;
  const auto database = OpenOrDie(directory.path(), {TinyModel(), OtherTinyModel()});
  const auto texts = [&](const std::string& collection, const std::string& model, uint64_t count) {
    const char* words[] = {"the", "cat", "sat", "big", "red", "dog", "sun", "rain"};
    std::vector<Point> points;
    for (uint64_t id = 0; id < count; ++id) {
      Text text;
      for (uint64_t word = 0; word < 4; ++word) {
        text.text += fmt::format("{} ", words[(id >> (2 * word)) % 8]);
      }
      text.model = model;
      Point point;
      point.id = id;
      point.vectors[""] = text;
      points.push_back(std::move(point));
    }
    return database->Upsert(collection, std::move(points)).status();
  };
  for (const char* name : {"learned", "other", "empty"}) {
    ASSERT_TRUE(database->CreateCollection(name, Unnamed(kTinyDimensions, Metric::kCosine)).ok());
  }
  ASSERT_TRUE(texts("learned", "tiny-bert-cls", 256).ok());
  ASSERT_TRUE(texts("other", "tiny-bert-max", 3).ok());
  ASSERT_TRUE(database->StartAdapting("learned", {.method = AdaptMethod::kRotation}).ok());
  ASSERT_EQ(Await(*database, "learned").phase, AdaptPhase::kDone);
  const AdaptRequest given = {.method = AdaptMethod::kGiven,
                              .adaptor = *database->ReadAdaptor("learned", "")};
  EXPECT_EQ(database->DescribeCollection("learned")->vectors.at("").adaptor->model,
            "tiny-bert-cls");
  const absl::Status refused = database->StartAdapting("other", given);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("tiny-bert-cls"));
  ASSERT_TRUE(database->StartAdapting("empty", given).ok());
  ASSERT_EQ(Await(*database, "empty").phase, AdaptPhase::kDone);
  EXPECT_TRUE(absl::IsFailedPrecondition(texts("empty", "tiny-bert-max", 1)));
  EXPECT_TRUE(texts("empty", "tiny-bert-cls", 1).ok());

  // The same vectors outside of collections.
  const auto adaptor = *Adaptor::Decode(given.adaptor);
  const auto embedder = *TextEmbedder::Load({TinyModel(), OtherTinyModel()}, {.threads = 1});
  EmbedOptions options;
  options.adaptor = adaptor;
  options.dimensions = 8;
  const auto adapted = embedder->Embed({"the cat"}, options);
  ASSERT_TRUE(adapted.ok()) << adapted.status();
  const auto whole = embedder->Embed({"the cat"}, {});
  auto expected = *adaptor->Apply((*whole)[0].vector, 8);
  double squared = 0;
  for (const float value : expected) squared += double{value} * value;
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR((*adapted)[0].vector[i], expected[i] / std::sqrt(squared), 1e-6);
  }
  options.model = "tiny-bert-max";
  EXPECT_TRUE(absl::IsFailedPrecondition(embedder->Embed({"the cat"}, options).status()));
}

TEST_F(AdaptingTest, WhatCannotBeDoneIsRefusedAtOnce) {
  const auto error_of = [&](const std::string& name, const AdaptRequest& request) {
    const absl::Status status = database_->StartAdapting(name, request);
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  };
  EXPECT_THAT(error_of("nothing", {}), HasSubstr("doesn't exist"));
  EXPECT_THAT(error_of("c", {.vector_name = "title"}), HasSubstr("title"));
  EXPECT_THAT(error_of("c", {.samples = 99}), HasSubstr("samples: 99"));
  Fill("few", 99);
  EXPECT_THAT(error_of("few", {}), HasSubstr("99 vectors"));
  Fill("manhattan", 200, Metric::kManhattan);
  EXPECT_THAT(error_of("manhattan", {}), HasSubstr("Manhattan"));
  EXPECT_EQ(database_->FindAdaptJob("few")->phase, AdaptPhase::kNone);
}

TEST_F(AdaptingTest, OneAtATimeAndCancelled) {
  EXPECT_FALSE(*database_->CancelAdapting("c"));
  Fill("other", 200);
  ASSERT_TRUE(database_->StartAdapting("c", {}).ok());
  const absl::Status busy = database_->StartAdapting("other", {});
  EXPECT_TRUE(absl::IsResourceExhausted(busy));
  EXPECT_THAT(std::string(busy.message()), HasSubstr("'c' is being adapted"));
  EXPECT_FALSE(database_->DescribeCollection("c")->optimized);
  EXPECT_FALSE(*database_->CancelAdapting("other"));
  EXPECT_TRUE(*database_->CancelAdapting("c"));
  EXPECT_EQ(Await(*database_, "c").phase, AdaptPhase::kCancelled);
  EXPECT_FALSE(Info().has_value());
  ASSERT_TRUE(database_->StartAdapting("other", {.method = AdaptMethod::kRotation}).ok());
  EXPECT_EQ(Await(*database_, "other").phase, AdaptPhase::kDone);
}

TEST_F(AdaptingTest, EndsWithTheCollectionOrTheDatabase) {
  ASSERT_TRUE(database_->StartAdapting("c", {}).ok());
  ASSERT_TRUE(*database_->DeleteCollection("c"));
  Fill("d", 300);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (!database_->StartAdapting("d", {}).ok()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  database_.reset();
  database_ = OpenOrDie(directory_.path());
  EXPECT_EQ(database_->DescribeCollection("d")->points, 300U);
  EXPECT_TRUE(database_->Verify(0)->problems.empty());
}

// Queries that have what their positive has, but for the three directions: there they are anywhere.
std::vector<AdaptPair> PairsOf(const std::vector<Point>& points) {
  std::mt19937 random(13);
  std::normal_distribution<float> normal;
  const auto directions = Directions();
  std::vector<AdaptPair> pairs;
  for (const Point& point : points) {
    AdaptPair& pair = pairs.emplace_back();
    std::vector<float> query = std::get<std::vector<float>>(point.vectors.at(""));
    for (const auto& direction : directions) {
      const float weight = 0.02F * normal(random);
      for (int i = 0; i < kWidth; ++i) query[i] += weight * direction[i];
    }
    pair.query = query;
    pair.positive = point.id;
  }
  return pairs;
}

TEST_F(AdaptingTest, LearnsFromPairsWhatQueriesShouldFind) {
  // How many of a hundred queries find their positive first at 8 of 64 dimensions.
  const auto pairs = PairsOf(Anisotropic(600));
  const auto found = [&] {
    int first = 0;
    for (size_t i = 0; i < 100; ++i) {
      Query query;
      query.nearest = std::get<std::vector<float>>(pairs[i].query);
      query.dimensions = 8;
      query.limit = 1;
      query.exact = true;
      const auto answer = database_->Search("c", query);
      EXPECT_TRUE(answer.ok()) << answer.status();
      if (answer.ok() && answer->points[0].id == std::get<PointId>(pairs[i].positive)) ++first;
    }
    return first;
  };
  const int cut = found();
  ASSERT_TRUE(database_->StartAdapting("c", {.method = AdaptMethod::kRotation}).ok());
  ASSERT_EQ(Await(*database_, "c").phase, AdaptPhase::kDone);
  const int rotated = found();
  AdaptRequest request;
  request.method = AdaptMethod::kPairs;
  request.widths = {8, 16};
  request.steps = 1000;
  request.pairs = pairs;
  std::vector<std::string> identities;
  for (int run = 0; run < 2; ++run) {
    ASSERT_TRUE(database_->StartAdapting("c", request).ok());
    const AdaptJob job = Await(*database_, "c");
    ASSERT_EQ(job.phase, AdaptPhase::kDone) << job.error;
    EXPECT_EQ(job.pairs, 600U);
    EXPECT_TRUE(job.request.pairs.empty());
    EXPECT_EQ(Info()->method, "pairs");
    EXPECT_EQ(Info()->samples, 600U);
    identities.push_back(Info()->identity);
  }
  EXPECT_EQ(identities[0], identities[1]);
  EXPECT_GT(found(), cut + 20);
  EXPECT_GT(found(), rotated + 20);
}

TEST_F(AdaptingTest, PairsTakeNegativesTextsAndPoints) {
  database_.reset();
  database_ = OpenOrDie(directory_.path(), {TinyModel()});
  ASSERT_TRUE(database_->CreateCollection("texts", Unnamed(kTinyDimensions)).ok());
  const std::vector<std::string> words = {"cat", "dog", "sun", "rain", "mat", "big"};
  const auto text_of = [&](size_t i) {
    Text text;
    text.text = words[i % 6] + " " + words[i / 6 % 6] + " " + words[i / 36 % 6];
    return text;
  };
  std::vector<Point> points;
  for (uint64_t i = 0; i < 150; ++i) points.push_back(MakePoint(i, text_of(i)));
  ASSERT_TRUE(database_->Upsert("texts", std::move(points)).ok());
  // A text and the point that was made of it are the same document.
  AdaptRequest request;
  request.method = AdaptMethod::kPairs;
  std::vector<std::string> identities;
  for (const bool by_id : {false, true}) {
    request.pairs.clear();
    for (size_t i = 0; i < 40; ++i) {
      AdaptPair& pair = request.pairs.emplace_back();
      pair.query = text_of(i + 7);
      pair.positive = by_id ? AdaptInput(PointId(i)) : AdaptInput(text_of(i));
      pair.negatives.push_back(by_id ? AdaptInput(PointId(i + 50)) : AdaptInput(text_of(i + 50)));
    }
    ASSERT_TRUE(database_->StartAdapting("texts", request).ok());
    const AdaptJob job = Await(*database_, "texts");
    ASSERT_EQ(job.phase, AdaptPhase::kDone) << job.error;
    identities.push_back(Info("texts")->identity);
  }
  EXPECT_EQ(identities[0], identities[1]);
  // What can be found out only on the way ends the job, and nothing has changed.
  request.pairs[3].negatives[0] = PointId(5000);
  ASSERT_TRUE(database_->StartAdapting("texts", request).ok());
  AdaptJob failed = Await(*database_, "texts");
  EXPECT_EQ(failed.phase, AdaptPhase::kFailed);
  EXPECT_THAT(failed.error, HasSubstr("pair 4, a negative: no point with id 5000"));
  request.pairs[3].negatives[0] = Text{};
  ASSERT_TRUE(database_->StartAdapting("texts", request).ok());
  failed = Await(*database_, "texts");
  EXPECT_THAT(failed.error, HasSubstr("pair 4, a negative: the text must not be empty"));
  EXPECT_EQ(Info("texts")->identity, identities[1]);
}

TEST_F(AdaptingTest, PairsThatAreNoneAreRefusedAtOnce) {
  const auto pairs = PairsOf(Anisotropic(20));
  const auto error_of = [&](const std::string& name, const AdaptRequest& request) {
    const absl::Status status = database_->StartAdapting(name, request);
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  };
  AdaptRequest request;
  request.pairs = pairs;
  EXPECT_THAT(error_of("c", request), HasSubstr("only the method 'pairs'"));
  request.method = AdaptMethod::kPairs;
  request.pairs.resize(15);
  EXPECT_THAT(error_of("c", request), HasSubstr("pairs: 15, expected 16"));
  request.pairs = pairs;
  request.temperature = 0;
  EXPECT_THAT(error_of("c", request), HasSubstr("temperature"));
  request.temperature = 0.04;
  request.widths = {0};
  EXPECT_THAT(error_of("c", request), HasSubstr("width 0"));
  request.widths = {};
  ASSERT_TRUE(database_->CreateCollection("long", Unnamed(kWidth, Metric::kDot)).ok());
  auto points = Anisotropic(200);
  for (Point& point : points) {
    for (float& value : std::get<std::vector<float>>(point.vectors.at(""))) value *= 3;
  }
  ASSERT_TRUE(database_->Upsert("long", std::move(points)).ok());
  EXPECT_THAT(error_of("long", request), HasSubstr("pairs teach cosines"));
}

// A rotation may put all of a vector's length into one component.
TEST_F(AdaptingTest, VectorsThatWouldOverflowAreRefusedWhole) {
  CollectionConfig config = Unnamed(kWidth, Metric::kEuclid);
  config.vectors[""].datatype = VectorDatatype::kFloat16;
  ASSERT_TRUE(database_->CreateCollection("half", config).ok());
  auto points = Anisotropic(200);
  for (Point& point : points) {
    for (float& value : std::get<std::vector<float>>(point.vectors.at(""))) value += 1000;
  }
  ASSERT_TRUE(database_->Upsert("half", std::move(points)).ok());
  ASSERT_TRUE(database_->StartAdapting("half", {}).ok());
  ASSERT_EQ(Await(*database_, "half").phase, AdaptPhase::kDone);
  std::vector<Point> batch = {MakePoint(500, std::vector<float>(kWidth, 1.0F)),
                              MakePoint(501, std::vector<float>(kWidth, 10'000.0F))};
  const auto refused = database_->Upsert("half", batch);
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("point 501"));
  EXPECT_EQ(database_->DescribeCollection("half")->points, 200U);
  batch.pop_back();
  EXPECT_TRUE(database_->Upsert("half", batch).ok());
  EXPECT_TRUE(database_->Verify(0)->problems.empty());
}

// Where lengths matter prefixes are compared unscaled, so that scales have nothing to say.
TEST_F(AdaptingTest, LengthsThatMatterGetARotation) {
  ASSERT_TRUE(database_->CreateCollection("long", Unnamed(kWidth, Metric::kDot)).ok());
  auto points = Anisotropic(200);
  for (Point& point : points) {
    for (float& value : std::get<std::vector<float>>(point.vectors.at(""))) value *= 3;
  }
  ASSERT_TRUE(database_->Upsert("long", std::move(points)).ok());
  ASSERT_TRUE(database_->StartAdapting("long", {}).ok());
  ASSERT_EQ(Await(*database_, "long").phase, AdaptPhase::kDone);
  EXPECT_EQ(Info("long")->method, "rotation");
  EXPECT_EQ(database_->FindAdaptJob("long")->made, "rotation");
}

}  // namespace
}  // namespace vecnest::engine
