#include "embedder/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vecnest::embedder {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Split(std::string_view text, size_t most = 100) {
  const AddedTokens tokens({{"<s>", 1}, {"<s>>", 2}, {"é", 3}});
  std::vector<std::string> parts;
  tokens.Split(
      text,
      [&](std::string_view between) {
        parts.emplace_back(between);
        return parts.size() < most;
      },
      [&](int32_t id) {
        parts.push_back(std::to_string(id));
        return parts.size() < most;
      });
  return parts;
}

TEST(AddedTokensTest, LongestLiteralWins) {
  EXPECT_THAT(Split("a<s>>b<s>"), ElementsAre("a", "2", "b", "1"));
  EXPECT_THAT(Split("<s<s>é"), ElementsAre("<s", "1", "", "3"));
  EXPECT_THAT(Split("ab"), ElementsAre("ab"));
  EXPECT_THAT(Split(""), ElementsAre());
}

TEST(AddedTokensTest, EndsWhenTold) {
  EXPECT_THAT(Split("a<s>b<s>", 1), ElementsAre("a"));
  EXPECT_THAT(Split("a<s>b<s>", 2), ElementsAre("a", "1"));
}

TEST(AddedTokensTest, Ids) {
  const AddedTokens tokens({{"<s>", 1}});
  EXPECT_EQ(tokens.IdOf("<s>"), 1);
  EXPECT_EQ(tokens.IdOf("<s"), -1);
  EXPECT_EQ(tokens.IdOf("x"), -1);
}

}  // namespace
}  // namespace vecnest::embedder
