#include "embedder/inspection/table_terms.h"

#include "embedder/inspection/vectors.h"
#include "tests/embedder/inspection_fixture.h"

namespace vecnest::embedder {
namespace {

TEST(TableTermsTest, ATokenOrTheMeanOfPieces) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const Vocabulary& vocabulary = encoder->vocabulary();
  for (const char* token : {"cat", "##ning", "[MASK]"}) {
    const auto term = FindTerm(*encoder, token);
    ASSERT_TRUE(term.ok()) << term.status();
    EXPECT_EQ(term->ids, std::vector<int32_t>{vocabulary.Find(token)}) << token;
  }
  const auto sunny = FindTerm(*encoder, "Sunny");
  ASSERT_TRUE(sunny.ok()) << sunny.status();
  EXPECT_EQ(sunny->ids, (std::vector<int32_t>{vocabulary.Find("sun"), vocabulary.Find("##ny")}));
  std::vector<float> sun(36);
  std::vector<float> ny(36);
  encoder->parts().architecture->TokenRow(sunny->ids[0], sun.data());
  encoder->parts().architecture->TokenRow(sunny->ids[1], ny.data());
  for (size_t i = 0; i < 36; ++i) EXPECT_NEAR(sunny->vector[i], (sun[i] + ny[i]) / 2, 1e-6);
}

TEST(TableTermsTest, WhatIsNotThereIsAnError) {
  const auto bert = LoadForInspection("tiny-bert-cls");
  EXPECT_TRUE(absl::IsNotFound(FindTerm(*bert, "zzz").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(FindTerm(*bert, "").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(FindTerm(*bert, "\xff").status()));
  std::string many;
  for (int i = 0; i < 100; ++i) many += "cat ";
  EXPECT_TRUE(absl::IsInvalidArgument(FindTerm(*bert, many).status()));
  const auto words = LoadForInspection("tiny-words.txt");
  const absl::Status missing = FindTerm(*words, "zzz").status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_EQ(missing.message(), "'zzz' is not in the table of tokens of tiny-words");
}

TEST(TableTermsTest, WholeWords) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  EXPECT_EQ(WholeWord(*encoder, "cat"), encoder->vocabulary().Find("cat"));
  EXPECT_EQ(WholeWord(*encoder, "Cat"), encoder->vocabulary().Find("cat"));
  EXPECT_EQ(WholeWord(*encoder, "sunny"), -1);  // two tokens
  EXPECT_EQ(WholeWord(*encoder, "zzz"), -1);    // the unknown one
  EXPECT_EQ(WholeWord(*encoder, "\xff"), -1);
}

}  // namespace
}  // namespace vecnest::embedder
