#include "net/codec_usage.h"

#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

ModelUsage Usage(const std::string& model, const std::string& identity, const std::string& prefix,
                 uint64_t tokens, uint64_t truncated = 0) {
  return {.model = model,
          .identity = identity,
          .prefix = prefix,
          .max_tokens = 256,
          .texts = 2,
          .tokens = tokens,
          .truncated = truncated};
}

TEST(AddUsageTest, SumsByModelAndPrefix) {
  std::vector<ModelUsage> sum;
  AddUsage({Usage("m", "a", "", 5, 1), Usage("m", "a", "p: ", 7)}, sum);
  AddUsage({Usage("m", "a", "p: ", 10, 2), Usage("m", "b", "", 1)}, sum);
  ASSERT_EQ(sum.size(), 3u);
  EXPECT_EQ(sum[1].tokens, 17u);
  EXPECT_EQ(sum[1].texts, 4u);
  EXPECT_EQ(sum[1].truncated, 2u);
  EXPECT_EQ(TokensOf(sum), 23u);
}

TEST(WriteUsageTest, OneEntryAModel) {
  const Json json =
      WriteUsage({Usage("m", "aaaaaaaaaa", "", 5, 1), Usage("m", "aaaaaaaaaa", "p: ", 7),
                  Usage("m", "bbbbbbbbbb", "", 9)});
  EXPECT_EQ(json, Json::parse(R"({"inference": {"models": {
      "m": {"tokens": 12, "texts": 4, "truncated": 1, "max_tokens": 256,
            "identity": "aaaaaaaaaa", "prefixes": ["", "p: "]},
      "m@bbbbbbbb": {"tokens": 9, "texts": 2, "truncated": 0, "max_tokens": 256,
                     "identity": "bbbbbbbbbb", "prefixes": [""]}}}})"));
}

TEST(ReadUsageTest, TakesWhatIsThere) {
  const auto read = ReadUsage(WriteUsage({Usage("m", "a", "", 5, 1), Usage("n", "b", "", 7)}));
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].model, "m");
  EXPECT_EQ(read[0].tokens, 5u);
  EXPECT_EQ(read[0].texts, 2u);
  EXPECT_EQ(read[0].truncated, 1u);
  EXPECT_EQ(read[0].max_tokens, 256);
  for (const char* other : {"null", "[]", R"({"inference": {"models": []}})",
                            R"({"inference": {"models": {"m": 1}}})"}) {
    EXPECT_TRUE(ReadUsage(Json::parse(other)).empty()) << other;
  }
  const auto less = ReadUsage(Json::parse(R"({"inference": {"models": {"m": {"tokens": 3}}}})"));
  ASSERT_EQ(less.size(), 1u);
  EXPECT_EQ(less[0].tokens, 3u);
}

TEST(WriteUsageTest, OneText) {
  EXPECT_EQ(WriteTextUsage(Usage("m", "a", "p: ", 5, 1)), Json::parse(R"({
      "tokens": 5, "truncated": true, "max_tokens": 256, "model": "m", "identity": "a",
      "prefix": "p: "})"));
}

}  // namespace
}  // namespace vecnest::net
