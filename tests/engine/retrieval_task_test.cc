#include <filesystem>
#include <fstream>
#include <string>

#include "engine/evaluation/task.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine::evaluation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kHeader = "query-id\tcorpus-id\tscore\n";

class RetrievalTaskTest : public ::testing::Test {
 protected:
  RetrievalTaskTest() {
    std::filesystem::create_directory(directory_.path() + "/qrels");
    Write(
        "corpus.jsonl",
        "{\"_id\": \"a\", \"title\": \" T\", \"text\": \"x \"}\n"
        "{\"_id\": \"c\", \"text\": \"y\"}\n{\"_id\": \"b\", \"title\": \"\", \"text\": \"y\"}\n");
    Write("queries.jsonl",
          "{\"_id\": \"q\", \"text\": \"one\"}\n{\"_id\": \"a\", \"text\": \"two\"}\n");
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_.path() + "/" + name, std::ios::binary) << text;
  }
  absl::StatusOr<Task> Load(const std::string& qrels, const std::string& keys = "") const {
    Write("qrels/test.tsv", kHeader + qrels);
    return LoadTask(*ParseTaskSpec("retrieval:" + directory_.path() + keys));
  }
  const TemporaryDirectory directory_;
};

TEST_F(RetrievalTaskTest, ReadsAFolderAsBeirHasIt) {
  const auto task = Load("q\ta\t2\nq\tgone\t1\nq\tb\t0\n");
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_THAT(task->texts, ElementsAre("T x", "y", "y"));
  const auto& gold = std::get<RetrievalTask>(task->gold);
  EXPECT_THAT(gold.tie_order, ElementsAre(2, 0, 1));  // c before b before a
  ASSERT_EQ(gold.queries.size(), 1U);                 // nothing is known of the other
  EXPECT_EQ(gold.queries[0].text, "one");
  EXPECT_EQ(gold.queries[0].judgements.GradeOf(0), 2);
  EXPECT_THAT(gold.queries[0].judgements.missing, ElementsAre(1));
  EXPECT_EQ(gold.queries[0].excluded, -1);
  ASSERT_EQ(task->warnings.size(), 1U);
  EXPECT_THAT(task->warnings[0], HasSubstr("1 of 3 judgements"));
}

TEST_F(RetrievalTaskTest, LeavesOutTheQueryItself) {
  const auto task = Load("a\tb\t1\n", ",exclude_self=yes");
  EXPECT_EQ(std::get<RetrievalTask>(task->gold).queries[0].excluded, 0);
}

TEST_F(RetrievalTaskTest, Mistakes) {
  EXPECT_THAT(std::string(Load("z\ta\t1\n").status().message()),
              HasSubstr("test.tsv line 2: the query 'z' is not in queries.jsonl"));
  EXPECT_THAT(std::string(Load("q\ta\t0.5\n").status().message()), HasSubstr("no whole number"));
  EXPECT_THAT(std::string(Load("q\ta\t1\nq\ta\t2\n").status().message()),
              HasSubstr("line 3: query 'q' and document 'a' were judged before"));
  EXPECT_TRUE(absl::IsNotFound(Load("q\ta\t1\n", ",split=dev").status()));
  Write("queries.jsonl", "{\"_id\": \"q\", \"text\": \"1\"}\n{\"_id\": \"q\", \"text\": \"2\"}\n");
  EXPECT_THAT(std::string(Load("q\ta\t1\n").status().message()),
              HasSubstr("queries.jsonl line 2: the _id 'q' is there twice"));
}

}  // namespace
}  // namespace vecnest::engine::evaluation
