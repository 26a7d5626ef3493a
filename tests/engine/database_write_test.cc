#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class DatabaseWriteTest : public testing::Test {
 protected:
  DatabaseWriteTest() : database_(OpenOrDie(directory_.path(), {TinyModel(), OtherTinyModel()})) {
    EXPECT_TRUE(database_->CreateCollection("a", Unnamed(2, Metric::kDot)).ok());
    CollectionConfig two;
    two.vectors["x"] = {2, Metric::kDot, {}};
    two.vectors["y"] = {3, Metric::kEuclid, {}};
    EXPECT_TRUE(database_->CreateCollection("named", two).ok());
    EXPECT_TRUE(database_->CreateCollection("texts", Unnamed(kTinyDimensions)).ok());
  }

  Json PayloadOf(const std::string& collection, PointId id) {
    const auto records =
        database_->Retrieve(collection, {id}, {PayloadSelector::Kind::kAll, {}}, {});
    EXPECT_EQ(records->size(), 1u);
    return Json::parse(*records->front().payload);
  }
  NamedVectors VectorsOf(const std::string& collection, PointId id) {
    return *database_->Retrieve(collection, {id}, {}, {VectorSelector::Kind::kAll, {}})
                ->front()
                .vectors;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseWriteTest, UpsertReplacesTheWholePoint) {
  ASSERT_TRUE(database_->Upsert("a", {MakePoint(1, std::vector<float>{1, 2}, R"({"k": 1})")}).ok());
  const auto second = database_->Upsert("a", {MakePoint(1, std::vector<float>{3, 4}, "{}")});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(PayloadOf("a", 1), Json::object());
  EXPECT_EQ(VectorsOf("a", 1).at(""), (std::vector<float>{3, 4}));
  EXPECT_EQ(*database_->Count("a", {}), 1u);
}

TEST_F(DatabaseWriteTest, AWriteThatIsOverHasNoEffect) {
  std::stop_source source;
  source.request_stop();
  WriteOptions options;
  options.limits.stop = source.get_token();
  for (const VectorInput& input : {VectorInput(Text{"a cat", "", {}}),
                                   VectorInput(std::vector<float>(kTinyDimensions, 1.0F))}) {
    EXPECT_EQ(database_->Upsert("texts", {MakePoint(1, input)}, options).status().code(),
              absl::StatusCode::kCancelled);
  }
  EXPECT_EQ(*database_->Count("texts", {}), 0u);
}

TEST_F(DatabaseWriteTest, OfTheSameIdInOneBatchTheLastCounts) {
  const auto result = database_->Upsert(
      "a", {MakePoint(1, std::vector<float>{1, 1}), MakePoint(1, std::vector<float>{2, 2})});
  EXPECT_EQ(result->affected, 1u);
  EXPECT_EQ(VectorsOf("a", 1).at(""), (std::vector<float>{2, 2}));
}

TEST_F(DatabaseWriteTest, ABadPointKeepsTheWholeBatchOut) {
  const auto refused = database_->Upsert(
      "a", {MakePoint(1, std::vector<float>{1, 1}), MakePoint(2, std::vector<float>{1, 1, 1})});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.status().message()),
              testing::AllOf(HasSubstr("point 2"), HasSubstr("expected dim: 2, got 3")));
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(database_->Upsert("a", {MakePoint(1, std::vector<float>{infinity, 1})}).ok());
  EXPECT_FALSE(database_->Upsert("a", {MakePoint(1, std::vector<float>{1, 1}, "[1]")}).ok());
  EXPECT_FALSE(database_->Upsert("a", {{1, {{"no", std::vector<float>{1, 1}}}, "{}"}}).ok());
  EXPECT_EQ(database_->Upsert("missing", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*database_->Count("a", {}), 0u);
}

TEST_F(DatabaseWriteTest, SequencesRise) {
  const auto first = database_->Upsert("a", {MakePoint(1, std::vector<float>{1, 1})});
  const auto second =
      database_->Delete("a", std::vector<PointId>{1}, {.durability = Durability::kBuffered});
  EXPECT_LT(first->sequence, second->sequence);
}

TEST_F(DatabaseWriteTest, PayloadChanges) {
  ASSERT_TRUE(database_
                  ->Upsert("a", {MakePoint(1, std::vector<float>{1, 1}, R"({"a": {"b": 1}})"),
                                 MakePoint(2, std::vector<float>{1, 1}, R"({"z": 1})")})
                  .ok());
  const std::vector<PointId> one = {1, 99};
  ASSERT_TRUE(database_->SetPayload("a", one, R"({"n": 2})", PayloadChange::kMerge).ok());
  EXPECT_EQ(PayloadOf("a", 1), Json::parse(R"({"a": {"b": 1}, "n": 2})"));
  ASSERT_TRUE(database_->SetPayload("a", one, R"({"c": 3})", PayloadChange::kMerge, "a").ok());
  EXPECT_EQ(PayloadOf("a", 1)["a"], Json::parse(R"({"b": 1, "c": 3})"));
  ASSERT_TRUE(database_->DeletePayloadKeys("a", one, {"a.b", "n"}).ok());
  EXPECT_EQ(PayloadOf("a", 1), Json::parse(R"({"a": {"c": 3}})"));
  const auto by_filter = database_->SetPayload("a", Must({"z", MatchCondition{int64_t{1}}}),
                                               R"({"q": 1})", PayloadChange::kOverwrite);
  EXPECT_EQ(by_filter->affected, 1u);
  EXPECT_EQ(PayloadOf("a", 2), Json::parse(R"({"q": 1})"));
  ASSERT_TRUE(database_->ClearPayload("a", one).ok());
  EXPECT_EQ(PayloadOf("a", 1), Json::object());
  EXPECT_EQ(VectorsOf("a", 1).at(""), (std::vector<float>{1, 1}));
}

TEST_F(DatabaseWriteTest, APayloadCannotBeMadeDeeperThanItCouldBeWritten) {
  ASSERT_TRUE(database_->Upsert("a", {MakePoint(1, std::vector<float>{1, 1})}).ok());
  const std::vector<PointId> one = {1};
  const auto path = [](int names) {
    std::string text = "a";
    for (int i = 1; i < names; ++i) text += ".a";
    return text;
  };
  const auto set = [&](const std::string& payload, const std::string& key) {
    return database_->SetPayload("a", one, payload, PayloadChange::kMerge, key).status().code();
  };
  EXPECT_EQ(set("{}", path(1'000'000)), absl::StatusCode::kInvalidArgument);
  const std::string deep = R"({"b":)" + std::string(100, '[') + std::string(100, ']') + "}";
  EXPECT_EQ(set(deep, path(60)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(set("{}", path(60)), absl::StatusCode::kOk);
  EXPECT_TRUE(database_->ClearPayload("a", one).ok());
}

TEST_F(DatabaseWriteTest, NamedVectorsChangeOneByOne) {
  ASSERT_TRUE(
      database_->Upsert("named", {{5, {{"x", std::vector<float>{1, 2}}}, R"({"k": 1})"}}).ok());
  ASSERT_TRUE(database_->UpdateVectors("named", {{5, {{"y", std::vector<float>{1, 2, 3}}}}}).ok());
  EXPECT_EQ(VectorsOf("named", 5).size(), 2u);
  EXPECT_EQ(PayloadOf("named", 5)["k"], 1);
  ASSERT_TRUE(database_->DeleteVectors("named", std::vector<PointId>{5}, {"x"}).ok());
  EXPECT_EQ(VectorsOf("named", 5).count("x"), 0u);
  Query query;
  query.nearest = std::vector<float>{1, 1};
  query.vector_name = "x";
  EXPECT_TRUE(database_->Search("named", query)->points.empty());
  EXPECT_EQ(database_->UpdateVectors("named", {{6, {{"y", std::vector<float>{1, 2, 3}}}}})
                .status()
                .code(),
            absl::StatusCode::kNotFound);
  EXPECT_TRUE(database_->Verify(0)->problems.empty());
}

TEST_F(DatabaseWriteTest, DeleteByIdsAndByFilter) {
  std::vector<Point> points;
  for (uint64_t i = 0; i < 10; ++i) {
    points.push_back(MakePoint(i, std::vector<float>{1, 1}, R"({"n": )" + std::to_string(i) + "}"));
  }
  ASSERT_TRUE(database_->Upsert("a", std::move(points)).ok());
  EXPECT_EQ(database_->Delete("a", std::vector<PointId>{0, 1, 77})->affected, 2u);
  EXPECT_EQ(database_->Delete("a", Must({"n", RangeCondition{{}, 5, {}, {}}}))->affected, 5u);
  EXPECT_EQ(*database_->Count("a", {}), 3u);
}

TEST_F(DatabaseWriteTest, TextsBindTheModelAndOthersAreRefused) {
  const auto result = database_->Upsert("texts", {MakePoint(1, Text{"the cat", "", {}})});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->tokens, 2u);
  const auto info = database_->DescribeCollection("texts");
  EXPECT_EQ(info->vectors.at("").model, "tiny-bert-cls");
  EXPECT_EQ(info->vectors.at("").model_identity, database_->embedder().Model("")->identity);
  const auto other = database_->Upsert("texts", {MakePoint(2, Text{"a dog", "tiny-bert-max", {}})});
  EXPECT_EQ(other.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("tiny-bert-cls"));
  // Vectors made elsewhere stay welcome.
  EXPECT_TRUE(
      database_->Upsert("texts", {MakePoint(3, std::vector<float>(kTinyDimensions, 1))}).ok());
}

TEST_F(DatabaseWriteTest, TheBindingSurvivesAndMissingModelsAreNamed) {
  ASSERT_TRUE(database_->Upsert("texts", {MakePoint(1, Text{"the cat", "", {}})}).ok());
  database_.reset();
  database_ = OpenOrDie(directory_.path(), {OtherTinyModel()});
  const auto refused = database_->Upsert("texts", {MakePoint(2, Text{"a dog", "", {}})});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("tiny-bert-cls"));
}

TEST_F(DatabaseWriteTest, TruncationIsReported) {
  std::string text = "cat";
  for (int i = 0; i < 100; ++i) text += " dog";
  const auto result = database_->Upsert(
      "texts", {MakePoint(1, Text{text, "", {}}), MakePoint(2, Text{"a cat", "", {}})});
  EXPECT_THAT(result->truncated, testing::ElementsAre(PointId(1)));
}

TEST(DatabaseNamesTest, MustBeUtf8) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path());
  const auto code = [](const absl::Status& status) { return status.code(); };
  EXPECT_EQ(code(database->CreateCollection("a\xff", Unnamed(4))),
            absl::StatusCode::kInvalidArgument);
  CollectionConfig config;
  config.vectors["\xff"] = {4, Metric::kCosine, {}};
  EXPECT_EQ(code(database->CreateCollection("a", config)), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(database->CreateCollection("a", Unnamed(4)).ok());
  ASSERT_TRUE(database->Upsert("a", {MakePoint(1, std::vector<float>{1, 2, 3, 4})}).ok());
  EXPECT_EQ(
      code(database->SetPayload("a", std::vector<PointId>{1}, "{}", PayloadChange::kMerge, "\xff")
               .status()),
      absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace vecnest
