#include <algorithm>

#include "engine/inspection/reports.h"
#include "tests/engine/inspector_fixture.h"

namespace vecnest {
namespace {

using ::testing::HasSubstr;

// Pairs whose scores are the cosines of the model's own vectors.
std::vector<TextPair> OwnPairs(const TextEmbedder& models, const std::string& model) {
  const std::vector<std::string> texts = {
      "the cat", "a dog sat", "sun", "rain on the mat", "red", "big dog running", "sunny rain"};
  EmbedOptions embed;
  embed.model = model;
  embed.prefix = "";
  const auto vectors = models.Embed(texts, embed);
  std::vector<TextPair> pairs;
  for (size_t a = 0; a < texts.size(); ++a) {
    for (size_t b = a + 1; b < texts.size(); ++b) {
      double dot = 0;
      for (size_t i = 0; i < (*vectors)[a].vector.size(); ++i) {
        dot += static_cast<double>((*vectors)[a].vector[i]) * (*vectors)[b].vector[i];
      }
      pairs.push_back({dot, texts[a], texts[b]});
    }
  }
  return pairs;
}

TEST_F(InspectorTest, TheLastLayerAgreesWithItself) {
  const auto pairs = OwnPairs(*models_, "tiny-bert-cls");
  uint64_t done = 0;
  const auto report = inspector().ScoreLayers(pairs, Of("tiny-bert-cls"),
                                              [&](uint64_t now, uint64_t) { done = now; });
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(done, pairs.size());
  EXPECT_EQ(report->pooling, "cls");
  ASSERT_EQ(report->scores.size(), 6u);
  EXPECT_EQ(report->scores[3].reading, "2");
  EXPECT_GT(*report->scores[3].own, 0.999);
  EXPECT_LT(*report->scores[3].mean, 0.999);
  // The first token alone looks the same in all texts before the first layer.
  EXPECT_FALSE(report->scores[0].own.has_value());
  EXPECT_FALSE(report->scores[1].own.has_value());
  EXPECT_TRUE(report->scores[0].mean.has_value());
}

TEST_F(InspectorTest, PairsThatCannotBeScored) {
  const auto pairs = OwnPairs(*models_, "tiny-bert-cls");
  const auto options = Of("tiny-bert-cls");
  EXPECT_TRUE(
      absl::IsInvalidArgument(inspector().ScoreLayers({pairs[0]}, options, nullptr).status()));
  EXPECT_TRUE(
      absl::IsCancelled(inspector().ScoreLayers(pairs, Stopped(options), nullptr).status()));
  auto bad = pairs;
  bad[1].second = "\xff";
  EXPECT_THAT(std::string(inspector().ScoreLayers(bad, options, nullptr).status().message()),
              HasSubstr("pair 2: the text is not valid UTF-8 at byte 0"));
}

Inspector::NextText Give(std::vector<std::string> texts) {
  return [texts = std::move(texts),
          i = size_t{0}]() mutable -> absl::StatusOr<std::optional<std::string>> {
    if (i == texts.size()) return std::nullopt;
    return texts[i++];
  };
}

TEST_F(InspectorTest, RareTokens) {
  const auto report = inspector().RareTokens(Give({"sunny the the", "the running"}),
                                             {.inspect = Of("tiny-bert-cls"), .limit = 1});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->texts, 2u);
  EXPECT_EQ(report->tokens, 7u);
  ASSERT_EQ(report->broken.size(), 1u);
  EXPECT_EQ(report->broken[0].word, "running");
  EXPECT_EQ(report->broken[0].tokens[1].text, "##ning");
  ASSERT_EQ(report->rare.size(), 1u);
  EXPECT_EQ(report->rare[0].rarest->text, "##ny");
  const auto row = inspector().Neighbors("the", {.inspect = Of("tiny-bert-cls"), .limit = 30});
  const auto found = std::find_if(row->neighbors.begin(), row->neighbors.end(),
                                  [](const TokenNeighbor& n) { return n.token.text == "##ny"; });
  EXPECT_NEAR(report->rare[0].rarest_norm, found->norm, 1e-9);
}

TEST_F(InspectorTest, RareTokensPassErrorsOn) {
  const RareTokensOptions options = {.inspect = Of("tiny-bert-cls")};
  const auto failing = []() -> absl::StatusOr<std::optional<std::string>> {
    return absl::DataLossError("gone");
  };
  EXPECT_EQ(inspector().RareTokens(failing, options).status(), absl::DataLossError("gone"));
  EXPECT_THAT(std::string(inspector().RareTokens(Give({"a", "\xff"}), options).status().message()),
              HasSubstr("text 2: "));
  const RareTokensOptions stopped = {.inspect = Stopped(Of("tiny-bert-cls"))};
  EXPECT_TRUE(absl::IsCancelled(inspector().RareTokens(Give({"a"}), stopped).status()));
}

}  // namespace
}  // namespace vecnest
