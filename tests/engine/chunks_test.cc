#include "engine/chunks.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Json = nlohmann::json;

// Python: uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "chunk.vecnest"), "7/0")
TEST(ChunkIdTest, IsFrozen) {
  EXPECT_EQ(ChunkId(7, 0).ToString(), "be8b0184-678b-5658-9b69-e0e82b2995f1");
  EXPECT_EQ(ChunkId(18446744073709551615U, 12).ToString(), "6db70801-c20b-556d-9976-9b40627d9363");
  EXPECT_EQ(ChunkId(*PointId::Parse("6BA7B810-9DAD-11D1-80B4-00C04FD430C8"), 3).ToString(),
            "7529c584-6a6d-51aa-8c5c-f6b0af5e0395");
}

// The model reads 16 tokens, of which its prefix and the special tokens are 4.
class ChunksTest : public testing::Test {
 protected:
  ChunksTest() : database_(OpenOrDie(directory_.path(), {TinyModel()})) {
    EXPECT_TRUE(database_->CreateCollection("c", Unnamed(kTinyDimensions)).ok());
  }

  static std::string Words(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += i % 2 == 0 ? "big " : "cat ";
    return text;
  }
  static Text Document(std::string text, Chunking chunk = {16, 0}) {
    Text document{std::move(text), "", std::nullopt};
    document.chunk = chunk;
    return document;
  }
  absl::StatusOr<WriteResult> Write(PointId id, Text text, const std::string& payload = "{}") {
    return database_->Upsert("c", {MakePoint(id, std::move(text), payload)});
  }
  std::string Refusal(const Point& point) {
    const auto result = database_->Upsert("c", {point});
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << result.status();
    return std::string(result.status().message());
  }
  std::set<std::string> Ids() const {
    std::set<std::string> ids;
    ScrollRequest all;
    all.limit = 1000;
    const auto page = database_->Scroll("c", all);
    EXPECT_TRUE(page.ok());
    for (const Record& record : page->records) ids.insert(record.id.ToString());
    return ids;
  }
  static std::set<std::string> ChunkIds(PointId parent, size_t count) {
    std::set<std::string> ids;
    for (size_t i = 0; i < count; ++i) ids.insert(ChunkId(parent, i).ToString());
    return ids;
  }
  Json PayloadOf(PointId id) const {
    const auto records = database_->Retrieve("c", {id}, {PayloadSelector::Kind::kAll, {}}, {});
    if (!records.ok() || records->empty()) return nullptr;
    return Json::parse(*records->front().payload);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

TEST_F(ChunksTest, ChunksArePointsThatKnowTheirParent) {
  const std::string text = Words(30);
  const Json payload = {{"title", "t"}, {"text", text}, {"n", 1}};
  const auto result = Write(7, Document(text, {16, 4}), payload.dump());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->chunks, 4U);  // 12, and then 8 more each
  EXPECT_EQ(result->affected, 4U);
  EXPECT_EQ(result->removed_chunks, 0U);
  EXPECT_TRUE(result->truncated.empty());
  EXPECT_EQ(Ids(), ChunkIds(7, 4));
  size_t before = 0;
  for (size_t i = 0; i < 4; ++i) {
    const Json chunk = PayloadOf(ChunkId(7, i));
    EXPECT_EQ(chunk["title"], "t");
    EXPECT_EQ(chunk["n"], 1);
    const Json& about = chunk["chunk"];
    EXPECT_EQ(about["parent"], 7);
    EXPECT_EQ(about["index"], i);
    EXPECT_EQ(about["count"], 4);
    const auto start = about["start"].get<size_t>();
    const auto end = about["end"].get<size_t>();
    EXPECT_EQ(chunk["text"], text.substr(start, end - start));
    EXPECT_EQ(start, i == 0 ? 0 : before - 16);  // four words of four bytes
    before = end;
  }
  EXPECT_EQ(before, text.size());
}

TEST_F(ChunksTest, AChunkHasTheVectorOfItsText) {
  const std::string text = Words(12) + "the dog sat on the mat.";
  ASSERT_TRUE(Write(7, Document(text)).ok());
  Query query;
  Text exact{"the dog sat on the mat.", "", std::nullopt};
  exact.prefix = "passage: ";
  query.nearest = exact;
  const auto answer = database_->Search("c", query);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->points[0].id, ChunkId(7, 1));
  EXPECT_NEAR(answer->points[0].score, 1, 1e-5);
  EXPECT_TRUE(database_->Verify(100)->problems.empty());
}

TEST_F(ChunksTest, ATextThatFitsKeepsItsId) {
  const auto result = Write(7, Document("a cat"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->chunks, 1U);
  EXPECT_EQ(PayloadOf(7),
            Json::parse(R"({"chunk": {"parent":7,"index":0,"count":1,"start":0,"end":5}})"));
}

TEST_F(ChunksTest, WhatIsUpsertedAgainReplacesAllThatItWas) {
  const PointId uuid = PointId::Uuid(1, 2);
  ASSERT_TRUE(Write(uuid, Document(Words(30))).ok());
  ASSERT_TRUE(Write(8, Document(Words(30))).ok());
  const auto others = ChunkIds(8, 3);
  const auto with_others = [&](std::set<std::string> ids) {
    ids.insert(others.begin(), others.end());
    return ids;
  };
  EXPECT_EQ(Ids(), with_others(ChunkIds(uuid, 3)));
  const auto longer = Write(uuid, Document(Words(100)));
  EXPECT_EQ(Ids(), with_others(ChunkIds(uuid, 9)));
  EXPECT_EQ(longer->removed_chunks, 0U);
  const auto shorter = Write(uuid, Document(Words(20)));
  EXPECT_EQ(Ids(), with_others(ChunkIds(uuid, 2)));
  EXPECT_EQ(shorter->removed_chunks, 7U);
  EXPECT_EQ(shorter->affected, 9U);
  // One chunk, many, none: the point of the document's own id comes and goes.
  EXPECT_EQ(Write(uuid, Document("cat"))->removed_chunks, 2U);
  EXPECT_EQ(Ids(), with_others({uuid.ToString()}));
  EXPECT_EQ(Write(uuid, Document(Words(20)))->removed_chunks, 1U);
  EXPECT_EQ(Ids(), with_others(ChunkIds(uuid, 2)));
  EXPECT_EQ(Write(uuid, Text{"a cat", "", std::nullopt})->removed_chunks, 2U);
  EXPECT_EQ(Ids(), with_others({uuid.ToString()}));
  EXPECT_TRUE(database_->Verify(100)->problems.empty());
}

TEST_F(ChunksTest, ChunksThatWereDeletedAloneHideNoOthers) {
  ASSERT_TRUE(Write(7, Document(Words(100))).ok());
  ASSERT_TRUE(database_->Delete("c", std::vector<PointId>{ChunkId(7, 4)}).ok());
  ASSERT_TRUE(Write(7, Document(Words(20))).ok());
  EXPECT_EQ(Ids(), ChunkIds(7, 2));
}

TEST_F(ChunksTest, ADocumentAndItsFormerChunkInOneCall) {
  ASSERT_TRUE(Write(7, Document(Words(40))).ok());
  // The last chunk is written as a point of its own: it stays, and is written once.
  const auto result = database_->Upsert(
      "c", {MakePoint(7, Document(Words(20))), MakePoint(ChunkId(7, 3), Text{"sun", "", {}})});
  ASSERT_TRUE(result.ok()) << result.status();
  auto expected = ChunkIds(7, 2);
  expected.insert(ChunkId(7, 3).ToString());
  EXPECT_EQ(Ids(), expected);
  EXPECT_EQ(PayloadOf(ChunkId(7, 3)), Json::object());
}

TEST_F(ChunksTest, ADocumentIsDeletedByItsParent) {
  ASSERT_TRUE(Write(7, Document(Words(50))).ok());
  ASSERT_TRUE(Write(8, Document("cat")).ok());
  ASSERT_TRUE(Write(9, Document(Words(20))).ok());
  EXPECT_EQ(database_->Delete("c", Must({"chunk.parent", MatchCondition{int64_t{7}}}))->affected,
            5U);
  EXPECT_EQ(database_->Delete("c", Must({"chunk.parent", MatchCondition{int64_t{8}}}))->affected,
            1U);
  EXPECT_EQ(Ids(), ChunkIds(9, 2));
}

TEST_F(ChunksTest, WhatCannotBeChunkedIsRefused) {
  EXPECT_THAT(Refusal(MakePoint(7, Document("a", {17, 0}))),
              HasSubstr("point 7, vector '': chunk: max_tokens: 17, expected 12 to 16"));
  EXPECT_THAT(Refusal(MakePoint(7, Document("a", {16, 16}))), HasSubstr("less than max_tokens"));
  EXPECT_THAT(Refusal(MakePoint(7, Document("a", {16, -1}))), HasSubstr("at least 0"));
  EXPECT_THAT(Refusal(MakePoint(7, Document("a"), R"({"chunk": 1})")),
              AllOf(HasSubstr("point 7"), HasSubstr("a member 'chunk'")));
  Point two = MakePoint(7, Document("a"));
  two.vectors["x"] = std::vector<float>{1};
  EXPECT_THAT(Refusal(two), HasSubstr("one vector, this one has 2"));
  EXPECT_THAT(Refusal(MakePoint(7, Document(Words(500'000)))), HasSubstr("more than 32768 chunks"));
  Text other = Document("a");
  other.model = "none";
  EXPECT_EQ(Write(7, other).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Ids().size(), 0U);
}

TEST_F(ChunksTest, ManyDocumentsCountTogether) {
  std::vector<Point> points;
  for (uint64_t i = 0; i < 2; ++i) points.push_back(MakePoint(i, Document(Words(300'000))));
  const auto result = database_->Upsert("c", points);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()),
              AllOf(HasSubstr("point 1"), HasSubstr("have 50000 chunks, expected at most 32768")));
}

TEST_F(ChunksTest, ALargePayloadIsNotMultipliedWithoutEnd) {
  const Json payload = {{"other", std::string(1 << 20, 'x')}};
  EXPECT_THAT(Refusal(MakePoint(7, Document(Words(12 * 300)), payload.dump())),
              HasSubstr("more than 268435456 bytes"));
}

TEST_F(ChunksTest, ALongWordIsNotRepeatedWithoutEnd) {
  // One token, however long, so that it is in nearly every chunk's overlap.
  const std::string word(size_t{36} << 20, 'a');
  const Text document = Document(Words(20) + word + " " + Words(20), {16, 11});
  EXPECT_THAT(Refusal(MakePoint(7, document)), HasSubstr("more than 268435456 bytes"));
}

TEST_F(ChunksTest, NobodyWaitsForADocumentThatIsLate) {
  WriteOptions late;
  late.limits.deadline = std::chrono::steady_clock::now();
  const auto refused = database_->Upsert("c", {MakePoint(7, Document(Words(500)))}, late);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kDeadlineExceeded);
  // It was noticed while the document was cut, not when its chunks were to be encoded.
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("point 7, vector '': chunk: "));
}

TEST_F(ChunksTest, OnlyDocumentsAreChunked) {
  Query query;
  query.nearest = Document("a cat");
  const auto asked = database_->Search("c", query);
  EXPECT_EQ(asked.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(asked.status().message()), HasSubstr("the query: 'chunk' makes points"));
  ASSERT_TRUE(Write(7, Text{"a cat", "", {}}).ok());
  const auto updated = database_->UpdateVectors("c", {{7, {{"", Document("a cat")}}}});
  EXPECT_EQ(updated.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(updated.status().message()), HasSubstr("point 7, vector '': 'chunk'"));
}

TEST_F(ChunksTest, UsageNamesModelAndPrefix) {
  const auto info = *database_->embedder().Model("");
  const auto result =
      database_->Upsert("c", {MakePoint(1, Document(Words(20))), MakePoint(2, Text{"cat", "", ""}),
                              MakePoint(3, Text{Words(50), "", std::nullopt})});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->usage.size(), 2U);
  EXPECT_EQ(result->usage[0].prefix, "");
  EXPECT_EQ(result->usage[0].tokens, 3U);
  const ModelUsage& prefixed = result->usage[1];
  EXPECT_EQ(prefixed.model, "tiny-bert-cls");
  EXPECT_EQ(prefixed.identity, info.identity);
  EXPECT_EQ(prefixed.prefix, "passage: ");
  EXPECT_EQ(prefixed.max_tokens, 16);
  EXPECT_EQ(prefixed.texts, 3U);
  EXPECT_EQ(prefixed.tokens, 16U + 12U + 16U);
  EXPECT_EQ(prefixed.truncated, 1U);
  EXPECT_EQ(result->tokens, 3U + 44U);
  Query query;
  query.nearest = Text{"cat", "", std::nullopt};
  const auto answer = database_->Search("c", query);
  ASSERT_TRUE(answer.ok() && answer->usage);
  EXPECT_EQ(answer->usage->prefix, "query: ");
  EXPECT_EQ(answer->usage->identity, info.identity);
  EXPECT_EQ(answer->usage->tokens, 5U);
}

TEST_F(ChunksTest, TooLongTextsAreRefusedByNameWhenTheyMayNotBeCut) {
  Text text{Words(50), "", std::nullopt};
  text.truncate = false;
  const auto written =
      database_->Upsert("c", {MakePoint(4, Text{Words(50), "", {}}), MakePoint(5, text)});
  EXPECT_EQ(written.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(written.status().message()),
              HasSubstr("point 5, vector '': the text has 54 tokens, tiny-bert-cls reads at most "
                        "16"));
  Query query;
  query.nearest = text;
  const auto message = [&](const std::vector<Query>& queries) {
    return std::string(database_->SearchBatch("c", queries).status().message());
  };
  EXPECT_THAT(message({query}), HasSubstr("the query: the text has 54 tokens"));
  Query other;
  other.nearest = Text{"cat", "", {}};
  EXPECT_THAT(message({other, Query(), query}), HasSubstr("query 2: the text has 54 tokens"));
  text.text = "a \xff";
  EXPECT_THAT(Refusal(MakePoint(6, text)),
              HasSubstr("point 6, vector '': the text is not valid UTF-8 at byte 2"));
}

}  // namespace
}  // namespace vecnest
