#include "net/bulk_import.h"

#include <map>
#include <sstream>

#include "engine/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/net/served_database.h"

namespace vecnest::net {
namespace {

using engine::Json;
using ::testing::HasSubstr;

std::vector<Json> Lines(const Response& response) {
  std::vector<Json> lines;
  std::istringstream stream(response.body);
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::string Line(int id) {
  return R"({"id": )" + std::to_string(id) +
         R"(, "vector": [1, 2], "payload": {"t": "ä"}})"
         "\n";
}

class BulkImportTest : public ::testing::Test {
 protected:
  BulkImportTest() { served_.Create("c", 2); }
  ServedDatabase served_;
};

TEST_F(BulkImportTest, CutAtEveryByte) {
  BulkImport import(served_.get(), "c");
  const std::string content = Line(1) + "\n" + Line(2) + Line(3);
  for (const char byte : content) import.Feed(std::string_view(&byte, 1));
  const Response response = import.Finish();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/x-ndjson");
  const auto lines = Lines(response);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], Json::parse(R"({"imported":3,"failed":0,"status":"ok"})"));
  EXPECT_EQ(served_.Count("c"), 3u);
}

TEST_F(BulkImportTest, LastLineNeedsNoNewline) {
  BulkImport import(served_.get(), "c");
  import.Feed(Line(1) + R"({"id": 2, "vector": [1, 2]})");
  EXPECT_EQ(Lines(import.Finish()).back()["imported"], 2);
}

TEST_F(BulkImportTest, BadLinesDoNotKeepOthersOut) {
  BulkImport import(served_.get(), "c");
  import.Feed(Line(1) + "nonsense\n" + R"({"id": 2, "vector": [1, 2, 3]})" + "\n" + Line(3));
  const Response response = import.Finish();
  EXPECT_EQ(response.status, 207);
  const auto lines = Lines(response);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["line"], 2);
  EXPECT_EQ(lines[1]["line"], 3);
  EXPECT_THAT(lines[1]["error"].get<std::string>(), HasSubstr("2"));
  EXPECT_EQ(lines[2]["imported"], 2);
  EXPECT_EQ(lines[2]["failed"], 2);
  EXPECT_EQ(served_.Count("c"), 2u);
}

TEST_F(BulkImportTest, MoreThanOneBatch) {
  BulkImport import(served_.get(), "c");
  for (int i = 0; i < 1300; ++i) import.Feed(Line(i));
  EXPECT_EQ(Lines(import.Finish()).back()["imported"], 1300);
  EXPECT_EQ(served_.Count("c"), 1300u);
}

TEST_F(BulkImportTest, LinesWithoutEndAreSkipped) {
  BulkImport import(served_.get(), "c");
  const std::string part(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) import.Feed(part);
  import.Feed("\n" + Line(7));
  const auto lines = Lines(import.Finish());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["line"], 1);
  EXPECT_THAT(lines[0]["error"].get<std::string>(), HasSubstr("longer than"));
  EXPECT_EQ(lines[1]["imported"], 1);
}

absl::StatusOr<BulkOptions> Options(const std::string& query) {
  return ReadBulkOptions(ParseQuery(query));
}

TEST(BulkOptionsTest, ComeFromTheQuery) {
  EXPECT_FALSE(Options("wait=true")->chunk.has_value());
  EXPECT_TRUE(Options("")->truncate);
  const auto options = Options("chunk_max_tokens=20&chunk_overlap=3&truncate=false");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->chunk->max_tokens, 20);
  EXPECT_EQ(options->chunk->overlap, 3);
  EXPECT_FALSE(options->truncate);
  for (const auto& [query, reason] : std::map<std::string, std::string>{
           {"chunk_overlap=3", "chunk.max_tokens: missing"},
           {"chunk_max_tokens=20&chunk_overlap=20", "chunk.overlap: expected an integer from 0"},
           {"chunk_max_tokens=many", "chunk.max_tokens: expected an integer"},
           {"chunk_max_tokens=", "chunk.max_tokens: expected an integer"},
           {"truncate=no", "truncate: expected true or false"}}) {
    EXPECT_THAT(std::string(Options(query).status().message()), HasSubstr(reason)) << query;
  }
}

// The model reads 16 tokens, of which its prefix and the special tokens are 4.
class BulkTextsTest : public ::testing::Test {
 protected:
  BulkTextsTest() { served_.Create("c", 36); }
  static std::string Line(int id, int words, const std::string& more = "") {
    std::string text;
    for (int i = 0; i < words; ++i) text += "cat ";
    return R"({"id": )" + std::to_string(id) + R"(, "text": ")" + text + '"' + more + "}\n";
  }
  ServedDatabase served_{{std::string(VECNEST_TEST_DATA) + "/tiny-bert-cls"}};
};

TEST_F(BulkTextsTest, TheSummaryTellsWhatWasRead) {
  BulkImport import(served_.get(), "c");
  import.Feed(Line(1, 3) + Line(2, 30) + Line(3, 30, R"(, "truncate": false)") +
              Line(4, 30, R"(, "chunk": {"max_tokens": 14})"));
  const auto lines = Lines(import.Finish());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["line"], 3);
  EXPECT_THAT(lines[0]["error"].get<std::string>(),
              HasSubstr("point 3, vector '': the text has 34 tokens, tiny-bert-cls reads at most"));
  const Json& summary = lines[1];
  EXPECT_EQ(summary["imported"], 3);
  EXPECT_EQ(summary["points"], 5);
  EXPECT_EQ(summary["tokens"], 7 + 16 + 30 + 3 * 4);
  EXPECT_EQ(import.tokens(), 65u);
  EXPECT_EQ(summary["truncated"], 1);
  EXPECT_EQ(summary["truncated_ids"], Json::array({2}));
  EXPECT_EQ(summary["usage"]["inference"]["models"]["tiny-bert-cls"]["tokens"], 65);
}

TEST_F(BulkTextsTest, OptionsAreForAllLines) {
  BulkOptions options;
  options.chunk = Chunking{16, 0};
  BulkImport import(served_.get(), "c", options);
  import.Feed(Line(1, 3) + Line(2, 30) + Line(3, 30, R"(, "chunk": {"max_tokens": 14})"));
  const auto lines = Lines(import.Finish());
  EXPECT_EQ(lines.back()["truncated"], 0);
  EXPECT_EQ(lines.back()["points"], 1 + 3 + 3);
  EXPECT_EQ(served_.Count("c"), 7u);
  options = {};
  options.truncate = false;
  BulkImport strict(served_.get(), "c", options);
  strict.Feed(Line(1, 30));
  EXPECT_EQ(Lines(strict.Finish()).back()["failed"], 1);
}

TEST_F(BulkImportTest, ACollectionThatIsGone) {
  BulkImport import(served_.get(), "missing");
  import.Feed(Line(1));
  const Response response = import.Finish();
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(Lines(response).back()["imported"], 0);
}

}  // namespace
}  // namespace vecnest::net
