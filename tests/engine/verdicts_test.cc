#include "engine/geometry/verdicts.h"

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using ::testing::HasSubstr;

// As MiniLM's vectors of real texts are.
GeometryReport Healthy() {
  GeometryReport report;
  report.vectors = report.samples = 5000;
  report.dimensions = 384;
  report.norms = {1, 1, 0, 1};
  report.random_pairs = {0.05, 0.1, -0.1, 0.4};
  report.effective_rank = 220;
  report.variance_share = 0.95;
  report.prefixes = {{64, 0.2, 0.5}, {192, 0.6, 0.85}, {256, 0.8, 0.9}};
  report.int8_recall = 0.98;
  return report;
}

GeometryContext Unit() {
  GeometryContext context;
  context.unit_norm = true;
  return context;
}

Verdict Find(const GeometryReport& report, const GeometryContext& context,
             const std::string& check) {
  const std::vector<Verdict> verdicts = JudgeGeometry(report, context);
  const auto found = std::find_if(verdicts.begin(), verdicts.end(),
                                  [&](const Verdict& verdict) { return verdict.check == check; });
  EXPECT_NE(found, verdicts.end()) << check;
  return *found;
}

TEST(JudgeGeometryTest, HealthyVectorsAreWell) {
  GeometryReport report = Healthy();
  report.prompt = {"e5", "passage: ", 16, 16, 0, 0};
  for (const Verdict& verdict : JudgeGeometry(report, Unit())) {
    EXPECT_EQ(verdict.level, VerdictLevel::kOk) << verdict.check << ": " << verdict.finding;
    EXPECT_FALSE(verdict.finding.empty()) << verdict.check;
    EXPECT_TRUE(verdict.advice.empty()) << verdict.check;
  }
}

TEST(JudgeGeometryTest, Collapse) {
  GeometryReport report = Healthy();
  report.variance_share = 0.001;
  EXPECT_EQ(Find(report, Unit(), "collapse").level, VerdictLevel::kFail);
  report.variance_share = 0.2;  // e5
  EXPECT_EQ(Find(report, Unit(), "collapse").level, VerdictLevel::kOk);
  report.effective_rank = 3;
  EXPECT_EQ(Find(report, Unit(), "collapse").level, VerdictLevel::kFail);
  report.effective_rank = 30;
  EXPECT_EQ(Find(report, Unit(), "collapse").level, VerdictLevel::kWarn);
  // Few vectors span few directions, which is no fault of theirs.
  report.samples = 100;
  EXPECT_EQ(Find(report, Unit(), "collapse").level, VerdictLevel::kOk);
}

TEST(JudgeGeometryTest, MetricsThatDoNotFit) {
  GeometryReport report = Healthy();
  report.norms = {1, 5, 2, 20};
  GeometryContext context;
  EXPECT_EQ(Find(report, context, "metric").level, VerdictLevel::kOk);
  context.metric = Metric::kDot;
  EXPECT_EQ(Find(report, context, "metric").level, VerdictLevel::kWarn);
  context.model.emplace().name = "m";
  EXPECT_EQ(Find(report, context, "metric").level, VerdictLevel::kWarn);
  context.model->normalized = true;
  EXPECT_EQ(Find(report, context, "metric").level, VerdictLevel::kFail);
  EXPECT_THAT(Find(report, context, "metric").advice, HasSubstr("Cosine"));
  context = Unit();
  context.metric = Metric::kManhattan;
  EXPECT_EQ(Find(report, context, "metric").level, VerdictLevel::kWarn);
}

TEST(JudgeGeometryTest, Lengths) {
  GeometryReport report = Healthy();
  report.norms = {0.4, 0.49, 0.05, 0.6};
  GeometryContext context;
  EXPECT_EQ(Find(report, context, "normalization").level, VerdictLevel::kOk);
  context.metric = Metric::kDot;
  EXPECT_EQ(Find(report, context, "normalization").level, VerdictLevel::kWarn);
  context.metric = Metric::kCosine;
  context.model.emplace().normalized = true;
  EXPECT_EQ(Find(report, context, "normalization").level, VerdictLevel::kWarn);
  report.zero_vectors = 3;
  EXPECT_EQ(Find(report, context, "normalization").level, VerdictLevel::kWarn);
  report.zero_vectors = 500;
  EXPECT_EQ(Find(report, context, "normalization").level, VerdictLevel::kFail);
}

TEST(JudgeGeometryTest, Prompts) {
  GeometryReport report = Healthy();
  report.prompt = {"e5", "passage: ", 16, 16, 0, 0};
  EXPECT_EQ(Find(report, Unit(), "prefix").level, VerdictLevel::kOk);
  report.prompt = {"e5", "passage: ", 16, 12, 4, 0};
  EXPECT_EQ(Find(report, Unit(), "prefix").level, VerdictLevel::kFail);
  EXPECT_THAT(Find(report, Unit(), "prefix").finding, HasSubstr("'passage: '"));
  report.prompt = {"e5", "passage: ", 16, 12, 0, 4};
  EXPECT_EQ(Find(report, Unit(), "prefix").level, VerdictLevel::kWarn);
}

TEST(JudgeGeometryTest, WhatWasNotCheckedIsNotOk) {
  const Verdict unknown = Find(Healthy(), Unit(), "prefix");
  EXPECT_EQ(unknown.level, VerdictLevel::kSkip);
  EXPECT_THAT(unknown.finding, HasSubstr("not checked: no loaded model"));
  EXPECT_THAT(unknown.advice, HasSubstr("name the model"));
  GeometryContext context = Unit();
  context.model.emplace();
  context.model->document_prefix = "passage: ";
  EXPECT_EQ(Find(Healthy(), context, "prefix").level, VerdictLevel::kSkip);
  EXPECT_THAT(Find(Healthy(), context, "prefix").finding, HasSubstr("no texts"));
  context.model->document_prefix = "";
  EXPECT_EQ(Find(Healthy(), context, "prefix").level, VerdictLevel::kOk);
  GeometryReport narrow = Healthy();
  narrow.prefixes.clear();
  EXPECT_EQ(Find(narrow, Unit(), "dimensions").level, VerdictLevel::kSkip);
}

TEST(JudgeGeometryTest, CodesPrefixesAndDuplicates) {
  GeometryReport report = Healthy();
  report.int8_recall = 0.9;
  EXPECT_EQ(Find(report, Unit(), "int8").level, VerdictLevel::kWarn);
  report.int8_recall = 0.5;
  EXPECT_EQ(Find(report, Unit(), "int8").level, VerdictLevel::kFail);
  report.prefixes[1].recall = 0.7;
  const Verdict verdict = Find(report, Unit(), "dimensions");
  EXPECT_EQ(verdict.level, VerdictLevel::kWarn);
  EXPECT_THAT(verdict.finding, HasSubstr("the first 192 of 384"));
  EXPECT_THAT(verdict.advice, HasSubstr("search at 256 dimensions or more; vecnest adapt"));
  report.near_duplicates = 1000;
  EXPECT_EQ(Find(report, Unit(), "duplicates").level, VerdictLevel::kWarn);
}

}  // namespace
}  // namespace vecnest::engine
