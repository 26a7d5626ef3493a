#include "vecnest/mining.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Documents whose cosine to any question is given.
class GivenTexts final : public MiningSource {
 public:
  struct Given {
    std::optional<std::string> text;
    float cosine = 0;
  };
  explicit GivenTexts(std::vector<Given> given) : given_(std::move(given)) {}

  absl::StatusOr<uint64_t> CountDocuments() override { return given_.size(); }
  absl::StatusOr<std::vector<Document>> NextDocuments() override {
    std::vector<Document> documents;
    while (next_ < given_.size() && documents.size() < 3) documents.push_back(At(next_++));
    return documents;
  }
  absl::StatusOr<std::vector<Document>> FindDocuments(const std::vector<PointId>& ids) override {
    std::vector<Document> documents;
    for (const PointId& id : ids) documents.push_back(At(id.number()));
    return documents;
  }
  absl::StatusOr<std::vector<std::vector<Neighbor>>> FindNearest(
      const std::vector<Question>& questions) override {
    std::vector<std::vector<Neighbor>> answers;
    for (const Question& question : questions) {
      std::vector<Neighbor> nearest;
      for (size_t i = 0; i < given_.size(); ++i) {
        const auto& among = question.among;
        if (among.empty() || std::find(among.begin(), among.end(), PointId(i)) != among.end()) {
          nearest.push_back({PointId(i), given_[i].cosine});
        }
      }
      std::stable_sort(nearest.begin(), nearest.end(),
                       [](const auto& a, const auto& b) { return a.cosine > b.cosine; });
      nearest.resize(std::min(nearest.size(), question.limit));
      answers.push_back(std::move(nearest));
    }
    return answers;
  }

 private:
  Document At(size_t i) const { return {PointId(i), given_[i].text}; }
  const std::vector<Given> given_;
  size_t next_ = 0;
};

absl::Status Ignore(double /*share*/) { return absl::OkStatus(); }

const std::vector<GivenTexts::Given> kPets = {{"a cat purrs", 0.8F},   {"cats sleep all day", 0.9F},
                                              {"the dog barks", 0.5F}, {"a fish swims", 0.7F},
                                              {std::nullopt, 0.6F},    {"the dog barks", 0.5F},
                                              {"cat food", 0.1F}};

TEST(MineNegativesTest, TakesTheNearestBelowTheMargin) {
  GivenTexts source(kPets);
  auto mined = MineNegatives(source, {{"what purrs?", "a cat purrs"}},
                             {.method = MiningMethod::kModel, .negatives = 2}, Ignore);
  ASSERT_TRUE(mined.ok()) << mined.status();
  ASSERT_THAT(mined->pairs, SizeIs(1));
  // "cats sleep all day" is nearer than 0.95 of the positive; what has no text is none; what says
  // the same comes once.
  EXPECT_EQ(mined->pairs[0].positive, "a cat purrs");
  EXPECT_THAT(mined->pairs[0].negatives, ElementsAre("a fish swims", "the dog barks"));
  EXPECT_EQ(mined->near_positive, 1);
  EXPECT_EQ(mined->documents, 6);
  EXPECT_EQ(mined->without_text, 1);
}

TEST(MineNegativesTest, FindsTextsByTheirWords) {
  GivenTexts source(kPets);
  auto mined = MineNegatives(source, {{"what do cats eat?", "a fish swims"}},
                             {.method = MiningMethod::kBm25, .negatives = 1}, Ignore);
  ASSERT_TRUE(mined.ok()) << mined.status();
  ASSERT_THAT(mined->pairs, SizeIs(1));
  EXPECT_THAT(mined->pairs[0].negatives, ElementsAre("cat food"));
  EXPECT_EQ(mined->near_positive, 2);  // "a cat purrs", "cats sleep all day"
}

TEST(MineNegativesTest, TakesTurnsBetweenWordsAndVectors) {
  GivenTexts source(kPets);
  auto mined = MineNegatives(source, {{"cat food", "cats sleep all day"}},
                             {.negatives = 3, .margin = 0.99}, Ignore);
  ASSERT_TRUE(mined.ok()) << mined.status();
  ASSERT_THAT(mined->pairs, SizeIs(1));
  // The query's own text is no negative.
  EXPECT_THAT(mined->pairs[0].negatives,
              UnorderedElementsAre("a cat purrs", "a fish swims", "the dog barks"));
}

TEST(MineNegativesTest, PositivesOfTheSameQueryAreNoNegatives) {
  GivenTexts source(kPets);
  const std::vector<LabelledPair> pairs = {{"what lives here?", "cats sleep all day"},
                                           {"what lives here?", "a cat purrs"}};
  auto mined = MineNegatives(source, pairs,
                             {.method = MiningMethod::kModel, .negatives = 1, .margin = 1}, Ignore);
  ASSERT_TRUE(mined.ok()) << mined.status();
  ASSERT_THAT(mined->pairs, SizeIs(2));
  EXPECT_THAT(mined->pairs[0].negatives, ElementsAre("a fish swims"));
  EXPECT_THAT(mined->pairs[1].negatives, ElementsAre("a fish swims"));
}

TEST(MineNegativesTest, LooksBeyondTextsThatSayTheSame) {
  std::vector<GivenTexts::Given> texts = {{"the answer", 0.9F}};
  for (int i = 0; i < 40; ++i) texts.push_back({"again and again", 0.8F});
  texts.push_back({"something else", 0.1F});
  GivenTexts source(std::move(texts));
  auto mined = MineNegatives(source, {{"q", "the answer"}},
                             {.method = MiningMethod::kModel, .negatives = 2}, Ignore);
  ASSERT_TRUE(mined.ok()) << mined.status();
  ASSERT_THAT(mined->pairs, SizeIs(1));
  EXPECT_THAT(mined->pairs[0].negatives, ElementsAre("again and again", "something else"));
}

TEST(MineNegativesTest, CountsWhatItLeavesOut) {
  GivenTexts source(kPets);
  auto mined = MineNegatives(source, {{"q", "no such text"}, {"q", "cat food"}},
                             {.method = MiningMethod::kModel, .negatives = 1}, Ignore);
  ASSERT_TRUE(mined.ok()) << mined.status();
  EXPECT_THAT(mined->pairs, IsEmpty());
  EXPECT_EQ(mined->unknown, 1);
  EXPECT_EQ(mined->too_few, 1);  // everything is nearer than "cat food"
  EXPECT_EQ(mined->near_positive, 6);
}

TEST(MineNegativesTest, RefusesWhatMakesNoSense) {
  GivenTexts source(kPets);
  const auto fails = [&](const MiningOptions& options) {
    return std::string(MineNegatives(source, {{"q", "p"}}, options, Ignore).status().message());
  };
  EXPECT_THAT(fails({.negatives = 0}), HasSubstr("negatives: 0"));
  EXPECT_THAT(fails({.depth = 5000}), HasSubstr("depth: 5000"));
  EXPECT_THAT(fails({.margin = -1}), HasSubstr("margin: -1"));
  EXPECT_THAT(fails({.language = "klingon"}), HasSubstr("klingon"));
  auto empty = MineNegatives(source, {{"q", "p"}, {"q", ""}}, {}, Ignore);
  EXPECT_THAT(empty.status().message(), HasSubstr("pair 2: its positive is empty"));
}

TEST(MineNegativesTest, EndsWhenItIsToldTo) {
  GivenTexts source(kPets);
  auto mined = MineNegatives(source, {{"q", "cat food"}}, {},
                             [](double) { return absl::CancelledError("enough"); });
  EXPECT_TRUE(absl::IsCancelled(mined.status()));
}

}  // namespace
}  // namespace vecnest
