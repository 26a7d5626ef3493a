#include "embedder/output_head.h"

#include "embedder/architecture.h"
#include "tests/embedder/inspection_fixture.h"
#include "tests/embedder/model_copy.h"

namespace vecnest::embedder {
namespace {

// What it computes is compared with transformers in token_scores_test.cc.
TEST(OutputHeadTest, FoundWhereTheCheckpointHasIt) {
  const auto trained = LoadForInspection("tiny-bert-mlm");
  const OutputHead* head = trained->parts().architecture->output_head();
  ASSERT_NE(head, nullptr);
  EXPECT_TRUE(head->trained());
  EXPECT_TRUE(head->tied());
  EXPECT_EQ(head->multiply_adds(), 29u * 20 + 20 * 20);
  const auto bare = LoadForInspection("tiny-bert-cls");
  head = bare->parts().architecture->output_head();
  ASSERT_NE(head, nullptr);
  EXPECT_FALSE(head->trained());
  EXPECT_EQ(head->multiply_adds(), 29u * 36);
  EXPECT_EQ(head->owned_bytes(), 0u);
  EXPECT_EQ(LoadForInspection("tiny-words.txt")->parts().architecture->output_head(), nullptr);
}

TEST(OutputHeadTest, AHeadThatCannotBeReadIsNone) {
  const ModelCopy model("tiny-bert-mlm");
  // The same length, so that the header stays whole.
  model.Replace("model.safetensors", "cls.predictions.transform.LayerNorm.bias",
                "cls.predictions.transform.LayerNorm.bixs");
  const auto encoder = Encoder::Load(model.path(), {});
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  const OutputHead* head = (*encoder)->parts().architecture->output_head();
  ASSERT_NE(head, nullptr);
  EXPECT_FALSE(head->trained());
  EXPECT_EQ(head->owned_bytes(), 0u);
}

}  // namespace
}  // namespace vecnest::embedder
