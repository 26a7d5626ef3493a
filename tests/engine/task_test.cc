#include "engine/evaluation/task.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine::evaluation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TaskTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  static absl::StatusOr<Task> Load(const std::string& text) {
    const auto spec = ParseTaskSpec(text);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return LoadTask(*spec);
  }
  static std::string Error(const std::string& text) {
    return std::string(Load(text).status().message());
  }
  const TemporaryDirectory directory_;
};

TEST_F(TaskTest, PairsShareEqualTexts) {
  const std::string path =
      Write("dev.tsv", "score\tsentence1\tsentence2\n5\ta\tb\n2.5\tb\ta\n0\ta\tc\n");
  const auto task = Load(path);
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_EQ(task->type, TaskType::kSts);
  EXPECT_THAT(task->name, HasSubstr("/dev"));
  EXPECT_THAT(task->texts, ElementsAre("a", "b", "c"));
  const auto& gold = std::get<PairTask>(task->gold);
  EXPECT_THAT(gold.first, ElementsAre(0, 1, 0));
  EXPECT_THAT(gold.second, ElementsAre(1, 0, 2));
  EXPECT_THAT(gold.scores, ElementsAre(5, 2.5, 0));
}

TEST_F(TaskTest, PairsOfYesAndNo) {
  const std::string path = Write("p.tsv", "q\tr\tsame\na\tb\tyes\nc\td\tno\na\td\tmaybe\n");
  const auto task = Load("pairs:" + path + ",first=q,second=r,label=same,positive=yes,name=x");
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_EQ(task->name, "x");
  EXPECT_THAT(std::get<PairTask>(task->gold).scores, ElementsAre(1, 0, 0));
  EXPECT_THAT(Error("pairs:" + path + ",first=q,second=r,label=same"),
              HasSubstr("0 of 3 pairs have the same '1'"));
}

TEST_F(TaskTest, Classification) {
  Write("train.tsv", "text\tlabel\na\tx\nb\ty\n");
  Write("dev.jsonl", "{\"text\": \"a\", \"label\": \"z\"}\n{\"text\": \"c\", \"label\": \"y\"}\n");
  const auto task = Load("classification:" + directory_.path() + ",test=dev.jsonl");
  ASSERT_TRUE(task.ok()) << task.status();
  const auto& gold = std::get<ClassificationTask>(task->gold);
  EXPECT_EQ(gold.labels, 2U);
  EXPECT_THAT(gold.train.labels, ElementsAre(0, 1));
  EXPECT_THAT(gold.test.texts, ElementsAre(0, 2));
  EXPECT_THAT(gold.test.labels, ElementsAre(2, 1));
  ASSERT_EQ(task->warnings.size(), 1U);
  EXPECT_THAT(task->warnings[0], HasSubstr("1 labels of dev.jsonl are not in train.tsv"));
  EXPECT_THAT(Error("classification:" + directory_.path() + "/train.tsv"),
              HasSubstr("not a folder"));
}

TEST_F(TaskTest, AnalogiesAreToldByTheirColumns) {
  const auto task = Load(Write("w.tsv", "section\ta\tb\tc\td\ns\tman\twoman\tking\tqueen\n"));
  ASSERT_TRUE(task.ok()) << task.status();
  const auto& gold = std::get<AnalogyTask>(task->gold);
  EXPECT_THAT(gold.questions[0].words, ElementsAre("man", "woman", "king", "queen"));
  EXPECT_THAT(gold.sections, ElementsAre("s"));
}

TEST_F(TaskTest, AnalogiesInGooglesOwnForm) {
  const auto task = Load(Write("q.txt",
                               ": a b\nman woman king queen\nbig bigger  red redder\n: c\n"
                               "a b c d\n"));
  ASSERT_TRUE(task.ok()) << task.status();
  const auto& gold = std::get<AnalogyTask>(task->gold);
  EXPECT_THAT(gold.sections, ElementsAre("a b", "c"));
  ASSERT_EQ(gold.questions.size(), 3U);
  EXPECT_THAT(gold.questions[1].words, ElementsAre("big", "bigger", "red", "redder"));
  EXPECT_EQ(gold.questions[2].section, 1U);
  EXPECT_THAT(Error(Write("r.txt", ": a\nman woman king\n")), HasSubstr("r.txt line 2: 3 words"));
  EXPECT_THAT(Error(Write("s.txt", ":\nman woman king queen\n")),
              HasSubstr("s.txt line 1: the section has no name"));
  EXPECT_THAT(Error(Write("t.txt", ": a\n   \n")), HasSubstr("t.txt line 2: 0 words"));
}

TEST_F(TaskTest, WhatCannotBeScoredIsRefused) {
  const std::string one = Write("one.tsv", "text\tlabel\na\tx\nb\tx\n");
  EXPECT_THAT(Error("clustering:" + one), HasSubstr("all rows have one label"));
  EXPECT_THAT(Error(one), HasSubstr("do not tell which task this is"));
  const std::string flat = Write("flat.tsv", "sentence1\tsentence2\tscore\na\tb\t1\nb\tc\t1\n");
  EXPECT_THAT(Error(flat), HasSubstr("all scores are equal"));
  EXPECT_THAT(Error(Write("s.tsv", "sentence1\tsentence2\tscore\na\tb\tx\n")),
              HasSubstr("s.tsv line 2: score 'x' is no number"));
  EXPECT_THAT(Error("sts:" + Write("t.tsv", "sentence1\tsentence2\tscore\na\t\t1\n")),
              HasSubstr("t.tsv line 2: the sentence2 is empty"));
  EXPECT_TRUE(absl::IsNotFound(Load("sts:/nowhere.tsv").status()));
}

}  // namespace
}  // namespace vecnest::engine::evaluation
