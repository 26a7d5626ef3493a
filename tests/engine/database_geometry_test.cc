#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest {
namespace {

using ::testing::HasSubstr;

constexpr int kWidth = 32;

class DatabaseGeometryTest : public ::testing::Test {
 protected:
  // Normal numbers about `mean`.
  void Fill(const std::string& name, uint64_t count, float mean) {
    ASSERT_TRUE(database_->CreateCollection(name, Unnamed(kWidth)).ok());
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    std::vector<Point> points;
    for (uint64_t id = 0; id < count; ++id) {
      std::vector<float> vector(kWidth);
      for (float& value : vector) value = mean + normal(random);
      points.push_back(MakePoint(id, std::move(vector)));
    }
    ASSERT_TRUE(database_->Upsert(name, std::move(points)).ok());
  }
  VerdictLevel LevelOf(const std::string& name, const std::string& check) const {
    const auto report = database_->MeasureGeometry(name, {});
    EXPECT_TRUE(report.ok()) << report.status();
    for (const Verdict& verdict : report->verdicts) {
      if (verdict.check == check) return verdict.level;
    }
    ADD_FAILURE() << check;
    return VerdictLevel::kOk;
  }

  const TemporaryDirectory directory_;
  // Its prefix for documents is "passage: ".
  std::unique_ptr<Database> database_ = OpenOrDie(directory_.path(), {TinyModel()});
};

TEST_F(DatabaseGeometryTest, LooksAtASample) {
  Fill("c", 500, 0);
  GeometryRequest request;
  request.samples = 200;
  const auto report = database_->MeasureGeometry("c", request);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->vectors, 500U);
  EXPECT_EQ(report->samples, 200U);
  EXPECT_EQ(report->dimensions, kWidth);
  EXPECT_EQ(report->verdicts.size(), 7U);
  EXPECT_FALSE(report->prompt.has_value());
  request.seed = 2;
  EXPECT_NE(database_->MeasureGeometry("c", request)->norms.mean, report->norms.mean);
}

TEST_F(DatabaseGeometryTest, TellsHowMuchIsDoneUntilItIsStopped) {
  Fill("c", 500, 0);
  std::stop_source source;
  CallLimits limits;
  limits.stop = source.get_token();
  GeometryRequest request;
  double last = 0;
  request.progress = [&](double share) {
    last = share;
    if (share > 0.5) source.request_stop();
  };
  EXPECT_TRUE(absl::IsCancelled(database_->MeasureGeometry("c", request, limits).status()));
  EXPECT_GT(last, 0.5);
  EXPECT_LT(last, 1);
  EXPECT_TRUE(absl::IsCancelled(database_->MeasureGeometry("c", {}, limits).status()));
}

TEST_F(DatabaseGeometryTest, TellsCollapseFromHealth) {
  Fill("healthy", 300, 0);
  Fill("collapsed", 300, 30);
  EXPECT_EQ(LevelOf("healthy", "collapse"), VerdictLevel::kOk);
  EXPECT_EQ(LevelOf("collapsed", "collapse"), VerdictLevel::kFail);
}

TEST_F(DatabaseGeometryTest, NoticesAMissingPrefix) {
  const std::vector<std::string> words = {"cat", "dog", "sun", "rain", "mat", "big"};
  const std::string own = database_->embedder().Models()[0].document_prefix;
  ASSERT_FALSE(own.empty());
  for (const bool with_prefix : {true, false}) {
    const std::string name = with_prefix ? "with" : "without";
    ASSERT_TRUE(database_->CreateCollection(name, Unnamed(kTinyDimensions)).ok());
    std::vector<Point> points;
    for (uint64_t i = 0; i < 120; ++i) {
      Text text;
      text.text = words[i % 6] + " " + words[i / 6 % 6] + " " + words[i / 36 % 6];
      if (!with_prefix) text.prefix = "";
      points.push_back(MakePoint(i, text, R"({"text": ")" + text.text + R"("})"));
    }
    ASSERT_TRUE(database_->Upsert(name, std::move(points)).ok());
    const auto report = database_->MeasureGeometry(name, {});
    ASSERT_TRUE(report.ok() && report->prompt) << report.status();
    EXPECT_EQ(report->prompt->prefix, own);
    EXPECT_EQ(report->prompt->texts, 16U);
    EXPECT_EQ(report->prompt->with, with_prefix ? 16U : 0U);
    EXPECT_EQ(report->prompt->without, with_prefix ? 0U : 16U);
  }
  EXPECT_EQ(LevelOf("with", "prefix"), VerdictLevel::kOk);
  EXPECT_EQ(LevelOf("without", "prefix"), VerdictLevel::kFail);
}

TEST_F(DatabaseGeometryTest, RefusesWhatCannotBeMeasured) {
  Fill("few", 99, 0);
  EXPECT_THAT(database_->MeasureGeometry("few", {}).status().message(), HasSubstr("99 vectors"));
  EXPECT_TRUE(absl::IsNotFound(database_->MeasureGeometry("nothing", {}).status()));
  GeometryRequest request;
  request.samples = 99;
  EXPECT_THAT(database_->MeasureGeometry("few", request).status().message(),
              HasSubstr("samples: 99"));
  request = {};
  request.vector_name = "title";
  EXPECT_TRUE(absl::IsInvalidArgument(database_->MeasureGeometry("few", request).status()));
}

}  // namespace
}  // namespace vecnest
