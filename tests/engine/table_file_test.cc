#include "engine/evaluation/table_file.h"

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
using Rows = std::vector<std::vector<std::string>>;

class TableFileTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  absl::StatusOr<Rows> Read(const std::string& path, std::vector<std::string> columns,
                            std::vector<std::string> optional = {}) const {
    Rows rows;
    const absl::Status status = ReadTable(
        path, columns, optional, [&](absl::Span<const std::string> values, const std::string&) {
          rows.emplace_back(values.begin(), values.end());
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return rows;
  }
  std::string Error(const std::string& path, const std::vector<std::string>& columns) const {
    return std::string(Read(path, columns).status().message());
  }
  const TemporaryDirectory directory_;
};

TEST_F(TableFileTest, ReadsColumnsByNameInTheOrderAskedFor) {
  const std::string path = Write("t.tsv", "label\tnote\ttext\r\n1\tx\t\"a\" b\r\n0\t\tc");
  EXPECT_THAT(*Read(path, {"text", "label", "more"}, {"more"}),
              ElementsAre(ElementsAre("\"a\" b", "1", ""), ElementsAre("c", "0", "")));
  EXPECT_THAT(*ReadColumns(path), ElementsAre("label", "note", "text"));
}

TEST_F(TableFileTest, ReadsJsonLines) {
  const std::string path =
      Write("t.jsonl", "{\"text\": \"a\\tb\", \"label\": 3}\n{\"label\": true, \"text\": \"\"}\n");
  EXPECT_THAT(*Read(path, {"text", "label", "title"}, {"title"}),
              ElementsAre(ElementsAre("a\tb", "3", ""), ElementsAre("", "true", "")));
  EXPECT_TRUE(ReadColumns(path)->empty());
}

TEST_F(TableFileTest, MistakesNameFileAndLine) {
  EXPECT_THAT(Error(Write("a.tsv", "text\tlabel\na\t1\nb\n"), {"text"}),
              HasSubstr("a.tsv line 3: 1 fields between tabs, expected 2"));
  EXPECT_THAT(Error(Write("b.tsv", "text\tlabel\na\t1\n"), {"score"}),
              HasSubstr("b.tsv: no column 'score' in its first line, which names: text, label"));
  EXPECT_THAT(Error(Write("c.tsv", "text\na\n\nb\n"), {"text"}), HasSubstr("line 3: the line is"));
  EXPECT_THAT(Error(Write("d.tsv", "text\n\xff\n"), {"text"}),
              HasSubstr("line 2: not valid UTF-8"));
  EXPECT_THAT(Error(Write("e.tsv", "text\n"), {"text"}), HasSubstr("there are no rows"));
  EXPECT_THAT(Error(Write("f.tsv", ""), {"text"}), HasSubstr("the file is empty"));
  EXPECT_THAT(Error(Write("g.tsv", "text\ttext\na\tb\n"), {"text"}), HasSubstr("two columns"));
  EXPECT_THAT(Error(Write("h.jsonl", "{\"text\": \"a\"}\n{\"text\": }\n"), {"text"}),
              HasSubstr("h.jsonl line 2"));
  EXPECT_THAT(Error(Write("i.jsonl", "{\"body\": \"a\"}\n"), {"text"}),
              HasSubstr("line 1: no key 'text'; there are: body"));
  EXPECT_THAT(Error(Write("j.jsonl", "{\"text\": [1]}\n"), {"text"}),
              HasSubstr("neither a string"));
  EXPECT_TRUE(absl::IsNotFound(Read(directory_.path() + "/none.tsv", {"text"}).status()));
  EXPECT_THAT(Error(directory_.path(), {"text"}), HasSubstr("is a folder"));
}

TEST_F(TableFileTest, NumbersAreFiniteAndWhole) {
  EXPECT_EQ(*ParseNumber("-2.5", "score", "x"), -2.5);
  for (const char* text : {"", "1,5", "nan", "inf", "1x", "1e999", " 1"}) {
    EXPECT_FALSE(ParseNumber(text, "score", "x").ok()) << text;
  }
  EXPECT_EQ(ParseNumber("a", "score", "f line 2").status().message(),
            "f line 2: score 'a' is no number");
}

}  // namespace
}  // namespace vecnest::engine::evaluation
