#include "net/codec_evaluation.h"

#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

TEST(WriteEvaluationTest, UndefinedIsNull) {
  EvaluationRequest request;
  request.metrics = {Metric::kManhattan};
  Evaluation evaluation;
  EvaluationResult result;
  result.task = "t";
  result.metric = Metric::kEuclid;
  result.adaptor = "rotation";
  result.codes = VectorCodes::kInt4;
  result.dimensions = 64;
  result.scores = {{"spearman", std::nullopt}, {"pearson", 0.5}};
  evaluation.results = {result};
  evaluation.results.push_back(result);
  evaluation.results.back().metric.reset();
  evaluation.tasks = {{"t", TaskType::kSts, "p", {{"pairs", 3}}, {"careful"}}};
  evaluation.adaptors = {{.adaptor = "rotation", .task = "t", .info = {.method = "rotation"}}};
  const engine::Json json = WriteEvaluation(request, evaluation);
  const engine::Json& first = json["results"][0];
  EXPECT_TRUE(first["scores"]["spearman"].is_null());
  EXPECT_EQ(first["scores"]["pearson"], 0.5);
  EXPECT_EQ(first["main_score"], "spearman");
  EXPECT_EQ(first["metric"], "euclid");
  EXPECT_EQ(first["codes"], "int4");
  EXPECT_EQ(first["adaptor"], "rotation");
  EXPECT_EQ(json["adaptors"][0]["method"], "rotation");
  EXPECT_EQ(json["settings"]["adaptors"][0], "none");
  EXPECT_TRUE(json["results"][1]["metric"].is_null());
  EXPECT_EQ(json["tasks"][0]["counts"]["pairs"], 3);
  EXPECT_EQ(json["settings"]["metrics"][0], "manhattan");
}

}  // namespace
}  // namespace vecnest::net
