#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"
#include "vecnest/mining.h"

namespace vecnest {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

Text TextOf(const std::string& words) {
  Text text;
  text.text = words;
  return text;
}

const std::map<uint64_t, std::string> kTexts = {{1, "the cat"}, {2, "a dog"}, {3, "rain"}};

class CollectionTextsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(database_->CreateCollection("c", Unnamed(kTinyDimensions)).ok());
    const auto payload = [](const std::string& body) {
      return R"({"doc": {"body": )" + body + "}}";
    };
    const std::vector<Point> points = {MakePoint(1, TextOf(kTexts.at(1)), payload(R"("the cat")")),
                                       MakePoint(2, TextOf(kTexts.at(2)), payload(R"("a dog")")),
                                       MakePoint(3, TextOf(kTexts.at(3)), payload("7"))};
    ASSERT_TRUE(database_->Upsert("c", points).ok());
  }
  std::unique_ptr<MiningSource> Source(int dimensions = 0) const {
    return CollectionTexts(*database_, "c", "doc.body", "", dimensions);
  }

  // Of a question and a text, which the model reads under different prefixes.
  double Cosine(const std::string& question, const std::string& text, size_t dimensions) const {
    EmbedOptions options;
    options.type = TextType::kQuery;
    const auto query = database_->embedder().Embed({question}, options);
    options.type = TextType::kDocument;
    const auto document = database_->embedder().Embed({text}, options);
    EXPECT_TRUE(query.ok() && document.ok());
    double product = 0;
    double of_query = 0;
    double of_document = 0;
    for (size_t i = 0; i < dimensions; ++i) {
      const double a = (*query)[0].vector[i];
      const double b = (*document)[0].vector[i];
      product += a * b;
      of_query += a * a;
      of_document += b * b;
    }
    return product / std::sqrt(of_query * of_document);
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<Database> database_ = OpenOrDie(directory_.path(), {TinyModel()});
};

TEST_F(CollectionTextsTest, GivesEveryPointOnce) {
  std::vector<Point> many;
  for (uint64_t id = 10; id < 2510; ++id) {
    many.push_back(MakePoint(id, std::vector<float>(kTinyDimensions, 1.0F)));
  }
  ASSERT_TRUE(database_->Upsert("c", std::move(many)).ok());
  const auto source = Source();
  EXPECT_EQ(*source->CountDocuments(), 2503U);
  std::set<PointId> ids;
  std::vector<std::string> texts;
  while (true) {
    const auto documents = source->NextDocuments();
    ASSERT_TRUE(documents.ok()) << documents.status();
    if (documents->empty()) break;
    for (const MiningSource::Document& document : *documents) {
      EXPECT_TRUE(ids.insert(document.id).second);
      if (document.text) texts.push_back(*document.text);
    }
  }
  EXPECT_THAT(ids, SizeIs(2503));
  EXPECT_THAT(texts, ElementsAre("the cat", "a dog"));
}

TEST_F(CollectionTextsTest, FindsTextsById) {
  const auto documents = Source()->FindDocuments({2, 77, 1});
  ASSERT_TRUE(documents.ok()) << documents.status();
  ASSERT_THAT(*documents, SizeIs(2));
  EXPECT_EQ((*documents)[0].text, "a dog");
  EXPECT_EQ((*documents)[1].text, "the cat");
}

TEST_F(CollectionTextsTest, SearchesAllOrSome) {
  const auto nearest =
      Source()->FindNearest({{.query = "the cat", .limit = 2}, {"the cat", 5, {2, 3}}});
  ASSERT_TRUE(nearest.ok()) << nearest.status();
  ASSERT_THAT(*nearest, SizeIs(2));
  ASSERT_THAT((*nearest)[0], SizeIs(2));
  for (const auto& [id, cosine] : (*nearest)[0]) {
    EXPECT_NEAR(cosine, Cosine("the cat", kTexts.at(id.number()), kTinyDimensions), 1e-5);
  }
  ASSERT_THAT((*nearest)[1], SizeIs(2));
  for (const auto& [id, cosine] : (*nearest)[1]) {
    EXPECT_NE(id, PointId(1));
    EXPECT_NEAR(cosine, Cosine("the cat", kTexts.at(id.number()), kTinyDimensions), 1e-5);
  }
}

TEST_F(CollectionTextsTest, ComparesByCosineWhateverTheMetric) {
  ASSERT_TRUE(database_->UpdateCollection("c", {.metrics = {{"", Metric::kEuclid}}}).ok());
  const auto nearest = Source(8)->FindNearest({{.query = "the cat", .limit = 1}});
  ASSERT_TRUE(nearest.ok()) << nearest.status();
  ASSERT_THAT((*nearest)[0], SizeIs(1));
  const auto& [id, cosine] = (*nearest)[0][0];
  EXPECT_NEAR(cosine, Cosine("the cat", kTexts.at(id.number()), 8), 1e-5);
}

TEST_F(CollectionTextsTest, ErrorsAreTheDatabases) {
  auto nowhere = CollectionTexts(*database_, "nowhere", "text", "", 0);
  EXPECT_TRUE(absl::IsNotFound(nowhere->CountDocuments().status()));
  auto badly_named = CollectionTexts(*database_, "c", "a..b", "", 0);
  EXPECT_TRUE(absl::IsInvalidArgument(badly_named->NextDocuments().status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(Source(1000)->FindNearest({{.query = "q", .limit = 1}}).status()));
}

}  // namespace
}  // namespace vecnest
