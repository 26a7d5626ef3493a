#include "net/bulk_import.h"

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

TEST_F(BulkImportTest, ACollectionThatIsGone) {
  BulkImport import(served_.get(), "missing");
  import.Feed(Line(1));
  const Response response = import.Finish();
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(Lines(response).back()["imported"], 0);
}

}  // namespace
}  // namespace vecnest::net
