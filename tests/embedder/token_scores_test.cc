#include "embedder/inspection/token_scores.h"

#include <algorithm>
#include <numeric>

#include "tests/embedder/inspection_fixture.h"

namespace vecnest::embedder {
namespace {

std::vector<float> LastStates(const Encoder& encoder, const TokenBatch& batch) {
  auto states = encoder.HiddenStates(batch);
  EXPECT_TRUE(states.ok()) << states.status();
  return states->back();
}

// The scores of all tokens, best first, against those that another program computed.
void ExpectScores(const PositionScores& ours, const std::vector<double>& theirs) {
  std::vector<size_t> order(theirs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return theirs[a] > theirs[b]; });
  double sum = 0;
  for (const double score : theirs) sum += std::exp(score - theirs[order[0]]);
  ASSERT_EQ(ours.best.size(), theirs.size());
  for (size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(ours.best[i].id, static_cast<int32_t>(order[i])) << "place " << i;
    EXPECT_NEAR(ours.best[i].score, theirs[order[i]], kInspectionTolerance);
    EXPECT_NEAR(ours.best[i].probability, std::exp(theirs[order[i]] - theirs[order[0]]) / sum,
                1e-5);
  }
}

// The logits are those of transformers' BertForMaskedLM.
TEST(TokenScoresTest, TheHeadIsThatOfTransformers) {
  const auto encoder = LoadForInspection("tiny-bert-mlm");
  std::ifstream file(TestData("tiny-bert-mlm/reference.json"));
  const auto reference = nlohmann::json::parse(file);
  const TokenBatch batch = TokenizeOne(*encoder, reference["text"]);
  ASSERT_EQ(nlohmann::json(batch.ids), reference["ids"]);
  const auto scores = ScoreTokens(*encoder, LastStates(*encoder, batch), true, 29, {});
  ASSERT_TRUE(scores.ok()) << scores.status();
  ASSERT_EQ(scores->positions.size(), reference["logits"].size());
  for (size_t p = 0; p < scores->positions.size(); ++p) {
    EXPECT_EQ(scores->positions[p].position, p);
    ExpectScores(scores->positions[p], reference["logits"][p].get<std::vector<double>>());
  }
}

TEST(TokenScoresTest, WithoutAHeadTheTableScores) {
  const auto reference = InspectionReference("bert");
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const auto states = LastStates(*encoder, TokenizeOne(*encoder, reference["text"]));
  const auto scores = ScoreTokens(*encoder, states, false, 29, {});
  ASSERT_TRUE(scores.ok()) << scores.status();
  ASSERT_EQ(scores->positions.size(), 1u);
  EXPECT_EQ(scores->positions[0].position, reference["ids"].size() - 1);
  ExpectScores(scores->positions[0], reference["scores"].back().get<std::vector<double>>());
  const auto some = ScoreTokens(*encoder, states, true, 3, {});
  ASSERT_EQ(some->positions.size(), reference["ids"].size());
  EXPECT_EQ(some->positions.back().best.size(), 3u);
  EXPECT_EQ(some->positions.back().best[2].id, scores->positions[0].best[2].id);
}

TEST(TokenScoresTest, Errors) {
  const auto words = LoadForInspection("tiny-words.txt");
  const std::vector<float> state(11);
  EXPECT_EQ(ScoreTokens(*words, state, true, 3, {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const auto bert = LoadForInspection("tiny-bert-cls");
  const auto states = LastStates(*bert, TokenizeOne(*bert, "the cat"));
  EXPECT_TRUE(absl::IsCancelled(ScoreTokens(*bert, states, true, 3, Stopped()).status()));
}

}  // namespace
}  // namespace vecnest::embedder
