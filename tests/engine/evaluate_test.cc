#include <fstream>
#include <set>
#include <stop_token>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"
#include "vecnest/evaluation.h"

namespace vecnest {
namespace {

using ::testing::HasSubstr;

class EvaluateTest : public ::testing::Test {
 protected:
  EvaluateTest() {
    const std::string sts = directory_.path() + "/sts.tsv";
    std::ofstream(sts) << "sentence1\tsentence2\tscore\nthe cat\ta cat\t5\nthe dog sat\tsun\t0\n"
                          "big red dog\ta red dog\t4\nrain\tthe mat\t1\n";
    const std::string labels = directory_.path() + "/labels.tsv";
    std::ofstream(labels) << "text\tlabel\nthe cat sat\t1\na cat\t1\nsun\t2\nrain\t2\n";
    request_.tasks = {*ParseTaskSpec("sts:" + sts), *ParseTaskSpec("clustering:" + labels)};
    request_.models = {TinyModel()};
    request_.threads = 1;
  }
  std::string Error() const { return std::string(Evaluate(request_).status().message()); }

  const TemporaryDirectory directory_;
  EvaluationRequest request_;
};

TEST_F(EvaluateTest, EveryCombinationOnceInOrder) {
  request_.models = {TinyModel(), OtherTinyModel()};
  request_.codes = {VectorCodes::kF32, VectorCodes::kInt8};
  request_.dimensions = {8, 36};
  request_.metrics = {Metric::kCosine, Metric::kManhattan};
  std::set<std::string> stages;
  request_.progress = [&](const EvaluationProgress& progress) {
    EXPECT_LE(progress.done, progress.total);
    stages.insert(progress.stage);
  };
  const auto evaluation = Evaluate(request_);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  // Clusters do not depend on the metric.
  ASSERT_EQ(evaluation->results.size(), 2U * 2 * 2 * 2 + 2 * 2 * 2);
  EXPECT_EQ(evaluation->encodings.size(), 4U);
  EXPECT_EQ(evaluation->models.size(), 2U);
  EXPECT_EQ(stages.size(), 8U);
  EXPECT_EQ(evaluation->results.front().type, TaskType::kSts);
  EXPECT_EQ(evaluation->results.back().type, TaskType::kClustering);
  EXPECT_FALSE(evaluation->results.back().metric.has_value());
  for (const EvaluationResult& result : evaluation->results) {
    ASSERT_FALSE(result.scores.empty());
    EXPECT_TRUE(result.scores.front().value.has_value());
  }
}

TEST_F(EvaluateTest, PrefixesAreThoseOfTheTask) {
  request_.tasks.pop_back();
  const auto evaluation = Evaluate(request_);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  const ModelInfo& model = evaluation->models.front();
  const bool both = !model.query_prefix.empty() && !model.document_prefix.empty();
  EXPECT_EQ(evaluation->encodings.front().prefix,
            both ? model.query_prefix : model.document_prefix);
  request_.tasks.front().prefix = TaskPrefix::kQuery;
  EXPECT_EQ(Evaluate(request_)->encodings.front().prefix, model.query_prefix);
  request_.tasks.front().prefix = TaskPrefix::kNone;
  EXPECT_EQ(Evaluate(request_)->encodings.front().prefix, "");
}

TEST_F(EvaluateTest, AdaptorsTurnPrefixesAlone) {
  const std::string many = directory_.path() + "/many.tsv";
  std::ofstream file(many);
  file << "text\tlabel\n";
  const char* words[] = {"the", "cat", "sat", "big", "red", "dog", "sun", "rain"};
  for (int i = 0; i < 200; ++i) {
    file << words[i % 8] << ' ' << words[i / 8 % 8] << ' ' << words[i / 64] << '\t' << i % 2
         << '\n';
  }
  file.close();
  const TaskSpec similarity = request_.tasks.front();
  request_.tasks = {*ParseTaskSpec("clustering:" + many + ",name=many")};
  request_.adaptors = {"none", "rotation", "prefixes"};
  request_.dimensions = {8, 36};
  const auto evaluation = Evaluate(request_);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  ASSERT_EQ(evaluation->results.size(), 6U);
  ASSERT_EQ(evaluation->adaptors.size(), 2U);
  EXPECT_EQ(evaluation->adaptors[0].adaptor, "rotation");
  EXPECT_EQ(evaluation->adaptors[0].task, "many");
  EXPECT_EQ(evaluation->adaptors[1].info.method, "prefixes");
  EXPECT_EQ(evaluation->results[2].adaptor, "rotation");
  EXPECT_EQ(evaluation->results[2].dimensions, 8);
  EXPECT_EQ(evaluation->results[5].adaptor, "prefixes");
  // Bits of adapted vectors have no prefixes, which go by vectors.
  request_.adaptors = {"rotation"};
  request_.codes = {VectorCodes::kF32, VectorCodes::kBinary};
  const auto coded = Evaluate(request_);
  ASSERT_TRUE(coded.ok()) << coded.status();
  ASSERT_EQ(coded->results.size(), 4U);
  const auto inertia = [&](size_t i) { return *coded->results[i].scores[3].value; };
  EXPECT_EQ(coded->results[2].codes, VectorCodes::kBinary);
  EXPECT_EQ(inertia(0), inertia(2));
  EXPECT_NE(inertia(1), inertia(3));
  request_.codes = {VectorCodes::kF32};
  // Clusters are not compared by it, but similarities are.
  request_.metrics = {Metric::kManhattan};
  EXPECT_TRUE(Evaluate(request_).ok());
  request_.tasks = {similarity};
  EXPECT_THAT(Error(), HasSubstr("Manhattan"));
  request_.metrics = {Metric::kCosine};
  EXPECT_THAT(Error(), HasSubstr("at least 100 texts"));
  request_.rerank = 10;
  EXPECT_THAT(Error(), HasSubstr("rerank: none of the tasks is retrieval"));
  request_.rerank = 0;
  request_.adaptors = {directory_.path() + "/missing"};
  EXPECT_THAT(Error(), HasSubstr("missing' is neither none, rotation or prefixes nor a file"));
}

TEST_F(EvaluateTest, TooFewTextsOfALabelAreTold) {
  std::ofstream(directory_.path() + "/train.tsv") << "text\tlabel\nthe cat\t1\nsun\t2\nrain\t2\n";
  std::ofstream(directory_.path() + "/test.tsv") << "text\tlabel\na cat\t1\n";
  request_.tasks = {*ParseTaskSpec("classification:" + directory_.path() + ",name=small")};
  request_.samples_per_label = 1;
  EXPECT_TRUE(Evaluate(request_)->tasks[0].warnings.empty());
  request_.samples_per_label = 2;
  const auto evaluation = Evaluate(request_);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  ASSERT_EQ(evaluation->tasks[0].warnings.size(), 1U);
  EXPECT_THAT(evaluation->tasks[0].warnings[0],
              HasSubstr("small: 1 of 2 labels have fewer than 2"));
}

TEST_F(EvaluateTest, Refusals) {
  request_.dimensions = {37};
  EXPECT_THAT(Error(), HasSubstr("dimensions: 37, expected 1 to 36 (the width of tiny-bert-cls)"));
  request_.dimensions = {8, 8};
  EXPECT_THAT(Error(), HasSubstr("dimensions: one is named twice"));
  request_.dimensions = {};
  request_.metrics = {};
  EXPECT_THAT(Error(), HasSubstr("metrics: none are named"));
  request_.metrics = {Metric::kDot};
  request_.memory_bytes = 100;
  EXPECT_TRUE(absl::IsResourceExhausted(Evaluate(request_).status()));
  request_.memory_bytes = size_t{1} << 30;
  request_.models = {"no-such-model"};
  EXPECT_FALSE(Evaluate(request_).ok());
  request_.models = {TinyModel()};
  request_.tasks.push_back(request_.tasks.front());
  EXPECT_THAT(Error(), HasSubstr("two tasks are called"));
  request_.tasks.clear();
  EXPECT_THAT(Error(), HasSubstr("tasks: none are named"));
}

TEST_F(EvaluateTest, StopsWhenAsked) {
  std::stop_source stop;
  request_.limits.stop = stop.get_token();
  request_.progress = [&](const EvaluationProgress&) { stop.request_stop(); };
  EXPECT_TRUE(absl::IsCancelled(Evaluate(request_).status()));
}

}  // namespace
}  // namespace vecnest
