#include "engine/inspection/model_inspector.h"

#include <numeric>

#include "tests/engine/inspector_fixture.h"

namespace vecnest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Texts(const std::vector<NamedToken>& tokens) {
  std::vector<std::string> texts;
  for (const NamedToken& token : tokens) texts.push_back(token.text);
  return texts;
}

TEST_F(InspectorTest, TokensAndTheTable) {
  const auto answer = inspector().Tokens("Sunny cat", Of("tiny-bert-cls"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->tokens.size(), 5u);
  EXPECT_EQ(answer->tokens[1].token.text, "sun");
  EXPECT_EQ(answer->tokens[2].token.text, "##ny");
  EXPECT_TRUE(answer->tokens[0].token.special);
  EXPECT_FALSE(answer->tokens[1].token.special);
  double square = 0;
  for (const float value : answer->tokens[3].row) square += static_cast<double>(value) * value;
  EXPECT_NEAR(answer->tokens[3].norm * answer->tokens[3].norm, square, 1e-9);
  EXPECT_EQ(answer->table.tokens, 29u);
  EXPECT_EQ(answer->table.parameters, 29u * 36);
  EXPECT_EQ(answer->table.bytes, 29u * 36 * 4);
  EXPECT_GT(answer->table.model_bytes, answer->table.bytes);
  EXPECT_EQ(answer->model.name, "tiny-bert-cls");
  EXPECT_EQ(answer->model.identity, models_->Model("")->identity);
}

TEST_F(InspectorTest, RowsThatTokensShare) {
  const auto answer = inspector().Tokens("the cat", Of("tiny-model2vec-shared"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_LT(answer->table.rows, answer->table.tokens);
  EXPECT_EQ(answer->table.bytes, answer->table.rows * answer->table.width * 2);  // F16
}

TEST_F(InspectorTest, Neighbors) {
  NeighborOptions options = {.inspect = Of("tiny-words"), .limit = 3};
  const auto answer = inspector().Neighbors("cat", options);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(Texts(answer->term.tokens), ElementsAre("cat"));
  ASSERT_EQ(answer->neighbors.size(), 3u);
  for (const TokenNeighbor& neighbor : answer->neighbors) EXPECT_NE(neighbor.token.text, "cat");
  EXPECT_GE(answer->neighbors[0].cosine, answer->neighbors[1].cosine);
  options.limit = 0;
  EXPECT_THAT(std::string(inspector().Neighbors("cat", options).status().message()),
              HasSubstr("limit: 0, expected 1 to 1000"));
  options.limit = 1;
  EXPECT_TRUE(absl::IsNotFound(inspector().Neighbors("nowhere", options).status()));
  options.inspect.model = "nobody";
  EXPECT_TRUE(absl::IsNotFound(inspector().Neighbors("cat", options).status()));
  options.inspect = Stopped(Of("tiny-words"));
  EXPECT_TRUE(absl::IsCancelled(inspector().Neighbors("cat", options).status()));
}

TEST_F(InspectorTest, AnAnalogyOfAWordToItselfIsTheWord) {
  // cat - cat + dog = dog, which is left out: its neighbours follow.
  const NeighborOptions options = {.inspect = Of("tiny-words"), .limit = 4};
  const auto analogy = inspector().Analogy("cat", "cat", "dog", options);
  const auto neighbors = inspector().Neighbors("dog", options);
  ASSERT_TRUE(analogy.ok()) << analogy.status();
  ASSERT_TRUE(neighbors.ok()) << neighbors.status();
  std::vector<std::string> expected;
  for (const TokenNeighbor& neighbor : neighbors->neighbors) {
    if (neighbor.token.text != "cat") expected.push_back(neighbor.token.text);
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(analogy->nearest[i].token.text, expected[i]);
  }
}

TEST_F(InspectorTest, TextAnalogyRanksTheCandidates) {
  const NeighborOptions options = {.inspect = Of("tiny-bert-cls"), .limit = 10};
  // a - a + c = c: the text most like c is c with another ending.
  const auto answer = inspector().TextAnalogy(
      "the dog", "the dog", "a big cat", {"rain", "a big cat", "a big cat.", "the dog"}, options);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->nearest.size(), 2u);  // the terms themselves are no answers
  EXPECT_GE(answer->nearest[0].cosine, answer->nearest[1].cosine);
  EmbedOptions embed;
  embed.model = "tiny-bert-cls";
  embed.prefix = "";
  const auto vectors = models_->Embed({"a big cat", answer->nearest[0].text}, embed);
  EXPECT_NEAR(std::inner_product((*vectors)[0].vector.begin(), (*vectors)[0].vector.end(),
                                 (*vectors)[1].vector.begin(), 0.0),
              answer->nearest[0].cosine, 1e-5);
  EXPECT_TRUE(
      absl::IsInvalidArgument(inspector().TextAnalogy("a", "b", "c", {}, options).status()));
}

TEST_F(InspectorTest, Layers) {
  const auto answer = inspector().Layers("the cat", Of("tiny-bert-cls"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(Texts(answer->tokens), ElementsAre("[CLS]", "the", "cat", "[SEP]"));
  ASSERT_EQ(answer->layers.size(), 3u);
  for (const LayerAnswer& layer : answer->layers) EXPECT_EQ(layer.norms.size(), 4u);
  EXPECT_NEAR(answer->layers[2].pooled_cosine_to_last, 1, 1e-9);
  EXPECT_TRUE(
      absl::IsCancelled(inspector().Layers("the cat", Stopped(Of("tiny-bert-cls"))).status()));
}

TEST_F(InspectorTest, Context) {
  const auto answer =
      inspector().Context("cat", {"the cat", "cat on a mat", "the cat"}, Of("tiny-bert-cls"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->layers.size(), 3u);
  for (const ContextLayer& layer : answer->layers) {
    EXPECT_NEAR(layer.cosines[0][2], 1, 1e-9);  // the same sentence
    EXPECT_LT(layer.cosines[0][1], 1 - 1e-4);
    EXPECT_NEAR(layer.mean, (layer.cosines[0][1] + layer.cosines[0][2] + layer.cosines[1][2]) / 3,
                1e-9);
  }
  EXPECT_TRUE(
      absl::IsInvalidArgument(inspector().Context("cat", {"cat"}, Of("tiny-bert-cls")).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(inspector().Context("", {"a", "b"}, Of("tiny-bert-cls")).status()));
  const std::vector<std::string> many(kMostSentences, "a cat");
  EXPECT_TRUE(inspector().Context("cat", many, Of("tiny-bert-cls")).ok());
}

TEST_F(InspectorTest, TextsInWhichNothingIsRead) {
  const InspectOptions options = Of("tiny-bert-cls");
  const std::vector<std::string> many(kMostSentences + 1, "a cat");
  std::string words = "cat";
  for (int i = 0; i < 40; ++i) words += " a";
  const std::pair<absl::Status, const char*> refused[] = {
      {inspector().Tokens("", options).status(), "text: must not be empty"},
      {inspector().Tokens(" \t\u3000", options).status(),
       "text: has nothing in it that tiny-bert-cls reads"},
      {inspector().Layers("  ", options).status(),
       "text: has nothing in it that tiny-bert-cls reads"},
      {inspector().Projection("", {.inspect = options}).status(), "text: must not be empty"},
      {inspector().Tokens(words, options).status(),
       "text: the text has 43 tokens, tiny-bert-cls reads at most 16"},
      {inspector().TextAnalogy("a", " ", "c", {"cat"}, {.inspect = options}).status(),
       "b: has nothing in it that tiny-bert-cls reads"},
      {inspector().TextAnalogy("a", "b", "c", {"cat", words}, {.inspect = options}).status(),
       "candidates[1]: the text has 43 tokens, tiny-bert-cls reads at most 16"},
      {inspector().Context(" ", {"a cat", "a dog"}, options).status(),
       "word: has nothing in it that tiny-bert-cls reads"},
      {inspector().Context("cat", {"a cat", ""}, options).status(),
       "sentences[1]: must not be empty"},
      {inspector().Context("cat", {"a cat", words}, options).status(),
       "sentences[1]: the text has 43 tokens, tiny-bert-cls reads at most 16"},
      {inspector().Context("cat", many, options).status(), "sentences: 33 texts, expected 2 to 32"},
  };
  for (const auto& [status, message] : refused) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(std::string(status.message()), message);
  }
}

TEST_F(InspectorTest, Projection) {
  ProjectionOptions options = {.inspect = Of("tiny-bert-mlm"), .all_positions = true, .limit = 2};
  const auto answer = inspector().Projection("the [MASK]", options);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->head);
  EXPECT_EQ(answer->positions.size(), 4u);
  EXPECT_EQ(answer->positions[2].token.text, "[MASK]");
  EXPECT_TRUE(answer->positions[2].best[0].probability.has_value());
  EXPECT_EQ(answer->multiply_adds, 4u * (29 * 20 + 20 * 20));
  options.inspect = Of("tiny-bert-cls");
  options.all_positions = false;
  const auto bare = inspector().Projection("the cat", options);
  ASSERT_TRUE(bare.ok()) << bare.status();
  EXPECT_FALSE(bare->head);
  ASSERT_EQ(bare->positions.size(), 1u);
  EXPECT_EQ(bare->positions[0].token.text, "[SEP]");
  EXPECT_FALSE(bare->positions[0].best[0].probability.has_value());
}

TEST_F(InspectorTest, ATableHasNoLayers) {
  const InspectOptions words = Of("tiny-words");
  for (const absl::Status& status :
       {inspector().Layers("cat", words).status(),
        inspector().Context("cat", {"cat", "the cat"}, words).status(),
        inspector().Projection("cat", {.inspect = words}).status(),
        inspector().ScoreLayers({{1, "a", "b"}, {2, "c", "d"}}, words, nullptr).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("without layers"));
  }
}

TEST_F(InspectorTest, TextsThatCannotBeRead) {
  std::string many = "cat";
  for (size_t i = 0; i < engine::kMostInspectedTokens; ++i) many += " cat";
  EXPECT_THAT(std::string(inspector().Tokens(many, Of("tiny-words")).status().message()),
              HasSubstr("text: 1025 tokens, expected at most 1024"));
  EXPECT_TRUE(absl::IsInvalidArgument(inspector().Tokens(many, Of("tiny-bert-cls")).status()));
  EXPECT_THAT(std::string(inspector().Tokens("zzz", Of("tiny-words")).status().message()),
              HasSubstr("text: has nothing in it that tiny-words reads"));
  EXPECT_TRUE(absl::IsInvalidArgument(inspector().Tokens("\xff", Of("tiny-bert-cls")).status()));
}

}  // namespace
}  // namespace vecnest
