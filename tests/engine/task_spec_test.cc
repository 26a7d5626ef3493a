#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "vecnest/evaluation.h"

namespace vecnest {
namespace {

using ::testing::HasSubstr;

std::string Error(std::string_view text) {
  return std::string(ParseTaskSpec(text).status().message());
}

TEST(ParseTaskSpecTest, ReadsTypePathAndKeys) {
  const auto plain = ParseTaskSpec("data/stsb/dev.tsv");
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE(plain->type.has_value());
  EXPECT_EQ(plain->path, "data/stsb/dev.tsv");
  const auto full = ParseTaskSpec("pairs:a, b/c:d.tsv,first=x y,second=q,positive=a,b,name=n");
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->type, TaskType::kPairClassification);
  EXPECT_EQ(full->path, "a, b/c:d.tsv");
  EXPECT_EQ(full->first, "x y");
  EXPECT_EQ(full->positive, "a,b");
  EXPECT_EQ(full->name, "n");
  EXPECT_TRUE(ParseTaskSpec("retrieval:x,exclude_self=yes")->exclude_self);
  EXPECT_EQ(ParseTaskSpec("analogy:x,vocabulary=12")->vocabulary, 12U);
  EXPECT_EQ(ParseTaskSpec("sts:x,prefix=none")->prefix, TaskPrefix::kNone);
}

TEST(ParseTaskSpecTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(Error("stss:x"), HasSubstr("unknown type of task 'stss', expected one of retrieval"));
  EXPECT_THAT(Error("sts:"), HasSubstr("a task needs a path"));
  EXPECT_THAT(Error("sts:x,text=a"),
              HasSubstr("text is no key of this task; expected one of name"));
  EXPECT_THAT(Error("x,score=a"), HasSubstr("needs the task's type"));
  EXPECT_THAT(Error("sts:x,score="), HasSubstr("needs a value"));
  EXPECT_THAT(Error("retrieval:x,exclude_self=1"), HasSubstr("expected yes or no"));
  EXPECT_THAT(Error("analogy:x,vocabulary=0"), HasSubstr("expected a number"));
  EXPECT_THAT(Error("sts:x,prefix=both"), HasSubstr("unknown prefix 'both'"));
}

TEST(EvaluationNamesTest, ComeBack) {
  for (const VectorCodes codes : {VectorCodes::kF32, VectorCodes::kInt8, VectorCodes::kBinary}) {
    EXPECT_EQ(*ParseVectorCodes(VectorCodesName(codes)), codes);
  }
  EXPECT_EQ(*ParseTaskType(TaskTypeName(TaskType::kAnalogy)), TaskType::kAnalogy);
  EXPECT_THAT(std::string(ParseVectorCodes("int2").status().message()), HasSubstr("int8, int4"));
}

}  // namespace
}  // namespace vecnest
