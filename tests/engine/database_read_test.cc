#include <algorithm>
#include <cmath>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<PointId> Ids(const QueryAnswer& answer) {
  std::vector<PointId> ids;
  for (const ScoredPoint& point : answer.points) ids.push_back(point.id);
  return ids;
}

class DatabaseReadTest : public testing::Test {
 protected:
  DatabaseReadTest() : database_(OpenOrDie(directory_.path(), {TinyModel()})) {
    EXPECT_TRUE(database_->CreateCollection("a", Unnamed(2, Metric::kEuclid)).ok());
    std::vector<Point> points;
    for (uint64_t i = 0; i < 20; ++i) {
      points.push_back(MakePoint(i, std::vector<float>{static_cast<float>(i), 0},
                                 R"({"n": )" + std::to_string(i) + R"(, "m": {"k": 1}})"));
    }
    points.push_back(MakePoint(PointId::Uuid(1, 2), std::vector<float>{100, 0}));
    EXPECT_TRUE(database_->Upsert("a", std::move(points)).ok());
  }
  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseReadTest, SearchByVectorOffsetThresholdAndPayload) {
  Query query;
  query.nearest = std::vector<float>{4.9F, 0};
  query.limit = 3;
  EXPECT_THAT(Ids(*database_->Search("a", query)), ElementsAre(5, 4, 6));
  query.offset = 1;
  query.score_threshold = 1.5F;
  query.with_payload = {PayloadSelector::Kind::kInclude, {"n"}};
  query.with_vectors = {VectorSelector::Kind::kAll, {}};
  const auto answer = database_->Search("a", query);
  EXPECT_THAT(Ids(*answer), ElementsAre(4, 6));
  EXPECT_EQ(answer->points[0].payload, R"({"n":4})");
  EXPECT_EQ(answer->points[0].vectors->at(""), (std::vector<float>{4, 0}));
  EXPECT_EQ(answer->points[0].version, 1u);
}

// A static table gives zero for a text of which it knows no word.
TEST(DatabaseReadZeroVectorTest, ScoresAreFiniteInEveryMetric) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid, Metric::kManhattan}) {
    const TemporaryDirectory directory;
    const auto database = OpenOrDie(directory.path(), {TinyWords()});
    ASSERT_TRUE(database->CreateCollection("a", Unnamed(11, metric)).ok());
    std::vector<Point> points;
    for (uint64_t id = 0; id < 200; ++id) {
      const char* text = id % 3 == 0 ? "nothing known" : id % 3 == 1 ? "the cat" : "a dog";
      points.push_back(MakePoint(id, Text{text, "", {}}));
    }
    ASSERT_TRUE(database->Upsert("a", std::move(points)).ok());
    ASSERT_TRUE(database->Optimize("a").ok());
    for (const char* text : {"cat", "unknown", "?"}) {
      for (const bool exact : {false, true}) {
        Query query;
        query.nearest = Text{text, "", {}};
        query.limit = 200;
        query.exact = exact;
        const auto answer = database->Search("a", query);
        ASSERT_TRUE(answer.ok()) << answer.status();
        EXPECT_EQ(answer->points.size(), 200u);
        for (const ScoredPoint& point : answer->points) {
          EXPECT_TRUE(std::isfinite(point.score)) << text << ", point " << point.id.ToString();
        }
      }
    }
    const auto report = database->Verify(200);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(report->problems.empty());
  }
}

TEST_F(DatabaseReadTest, SearchByIdLeavesThePointItselfOut) {
  Query query;
  query.nearest = PointId(10);
  query.limit = 2;
  EXPECT_THAT(Ids(*database_->Search("a", query)), ElementsAre(9, 11));
  query.nearest = PointId(77);
  const absl::Status unknown = database_->Search("a", query).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("No point with id 77"));
}

TEST_F(DatabaseReadTest, SearchByIdSaysWhatThePointLacks) {
  CollectionConfig config;
  config.vectors["x"].size = 2;
  config.vectors["y"].size = 2;
  ASSERT_TRUE(database_->CreateCollection("two", config).ok());
  Point point;
  point.id = PointId(1);
  point.vectors.emplace("x", std::vector<float>{1, 0});
  ASSERT_TRUE(database_->Upsert("two", {point}).ok());
  Query query;
  query.nearest = PointId(1);
  query.vector_name = "y";
  const absl::Status status = database_->Search("two", query).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Point 1 has no vector 'y'"));
}

TEST_F(DatabaseReadTest, FiltersLimitTheAnswerToMatches) {
  Query query;
  query.nearest = std::vector<float>{0, 0};
  query.filter = Must({"n", RangeCondition{{}, 17, {}, {}}});
  query.explain = true;
  const auto answer = database_->Search("a", query);
  EXPECT_THAT(Ids(*answer), ElementsAre(17, 18, 19));
  EXPECT_EQ(answer->plan->filter_matches, 3u);
  EXPECT_EQ(*database_->Count("a", query.filter), 3u);
}

TEST_F(DatabaseReadTest, WithoutAVectorPointsComeInTheOrderOfIds) {
  Query query;
  query.limit = 2;
  query.offset = 19;
  EXPECT_THAT(Ids(*database_->Search("a", query)), ElementsAre(19, PointId::Uuid(1, 2)));
}

TEST_F(DatabaseReadTest, ScrollVisitsEveryPointOnce) {
  ScrollRequest request;
  request.limit = 6;
  std::vector<PointId> seen;
  while (true) {
    const auto page = database_->Scroll("a", request);
    ASSERT_TRUE(page.ok());
    for (const Record& record : page->records) seen.push_back(record.id);
    if (!page->next_offset) break;
    request.offset = page->next_offset;
  }
  EXPECT_EQ(seen.size(), 21u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(std::set<PointId>(seen.begin(), seen.end()).size(), 21u);
  request = {};
  request.filter = Must({"n", MatchAnyCondition{{int64_t{3}, int64_t{5}}}});
  EXPECT_EQ(database_->Scroll("a", request)->records.size(), 2u);
}

TEST_F(DatabaseReadTest, RetrieveKeepsTheOrderAndLeavesOutWhatIsMissing) {
  const auto records = database_->Retrieve("a", {7, 99, 3}, {PayloadSelector::Kind::kAll, {}}, {});
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ((*records)[0].id, PointId(7));
  EXPECT_EQ((*records)[1].id, PointId(3));
  EXPECT_FALSE((*records)[0].vectors.has_value());
}

TEST_F(DatabaseReadTest, LateSearchesAreNotMade) {
  Query query;
  query.nearest = std::vector<float>{1, 0};
  CallLimits late;
  late.deadline = std::chrono::steady_clock::now();
  EXPECT_EQ(database_->Search("a", query, late).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  late.deadline += std::chrono::hours(1);
  EXPECT_TRUE(database_->Search("a", query, late).ok());
}

TEST_F(DatabaseReadTest, WrongWidthsAndLimitsAreNamed) {
  Query query;
  query.nearest = std::vector<float>{1, 2, 3};
  EXPECT_THAT(std::string(database_->Search("a", query).status().message()),
              HasSubstr("expected dim: 2, got 3"));
  query.nearest = std::vector<float>{1, 2};
  query.dimensions = 3;
  EXPECT_THAT(std::string(database_->Search("a", query).status().message()),
              HasSubstr("dimensions"));
  query.dimensions = 1;
  query.nearest = std::vector<float>{3.1F};
  EXPECT_EQ(Ids(*database_->Search("a", query)).front(), PointId(3));
  query.limit = 1'000'000;
  Query listing;
  listing.limit = 1'000'000;
  EXPECT_EQ(database_->Search("a", listing).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(database_->Search("a", query).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DatabaseReadTest, TextsFindThemselves) {
  ASSERT_TRUE(database_->CreateCollection("t", Unnamed(kTinyDimensions)).ok());
  ASSERT_TRUE(database_
                  ->Upsert("t", {MakePoint(1, Text{"the cat sat on the mat", "", {}}),
                                 MakePoint(2, Text{"rain ! sun ?", "", {}})})
                  .ok());
  Query query;
  // The model has different prefixes for queries and documents: ask without one on both sides.
  query.nearest = Text{"rain ! sun ?", "", ""};
  query.explain = true;
  const auto batch = database_->SearchBatch("t", {query, query});
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_EQ(batch->size(), 2u);
  EXPECT_EQ(Ids((*batch)[0]), Ids((*batch)[1]));
  EXPECT_EQ((*batch)[0].tokens, 6);
  EXPECT_EQ((*batch)[0].points.size(), 2u);
  query.nearest = Text{"x", "unknown", {}};
  EXPECT_EQ(database_->Search("t", query).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace vecnest
