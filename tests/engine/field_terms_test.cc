#include "engine/payload_index/field_terms.h"

#include <cmath>
#include <limits>

#include "engine/payload_index/geo_cells.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

FieldTerms Terms(PayloadIndexType type, const char* path, const char* payload) {
  return ExtractTerms(type, *PayloadPath::Parse(path), Json::parse(payload));
}

TEST(FieldTermsTest, Kinds) {
  const char* payload = R"({"a": ["x", 3, 2.5, true, null, "2024-02-29", 18446744073709551615]})";
  EXPECT_THAT(Terms(PayloadIndexType::kKeyword, "a", payload).words,
              ElementsAre("2024-02-29", "x"));
  EXPECT_THAT(Terms(PayloadIndexType::kInteger, "a", payload).numbers, ElementsAre(3));
  EXPECT_THAT(
      Terms(PayloadIndexType::kFloat, "a", payload).numbers,
      ElementsAre(OrderedDouble(2.5), OrderedDouble(3), OrderedDouble(18446744073709551615.0)));
  EXPECT_THAT(Terms(PayloadIndexType::kBool, "a", payload).words, ElementsAre("true"));
  EXPECT_THAT(Terms(PayloadIndexType::kDatetime, "a", payload).numbers,
              ElementsAre(1709164800'000000));
  EXPECT_TRUE(Terms(PayloadIndexType::kBool, "a", payload).others);
  EXPECT_THAT(Terms(PayloadIndexType::kGeo, "a", payload).numbers, IsEmpty());
  EXPECT_THAT(
      Terms(PayloadIndexType::kGeo, "a", R"({"a": [{"lon": 1, "lat": 2}, {"lon": 1}]})").numbers,
      ElementsAre(GeoCellOf({1, 2})));
}

TEST(FieldTermsTest, CountsAndNulls) {
  const FieldTerms missing = Terms(PayloadIndexType::kKeyword, "a", "{}");
  EXPECT_THAT(missing.counts, IsEmpty());
  EXPECT_FALSE(missing.any);
  const FieldTerms null = Terms(PayloadIndexType::kKeyword, "a", R"({"a": null})");
  EXPECT_TRUE(null.null);
  EXPECT_FALSE(null.any);
  EXPECT_THAT(null.counts, ElementsAre(0));
  const FieldTerms inner = Terms(PayloadIndexType::kKeyword, "a", R"({"a": [null, "x"]})");
  EXPECT_FALSE(inner.null);
  EXPECT_TRUE(inner.any);
  EXPECT_FALSE(inner.several);
  EXPECT_THAT(inner.counts, ElementsAre(2));
  EXPECT_TRUE(Terms(PayloadIndexType::kKeyword, "a[]", R"({"a": [null, "x", "x"]})").several);
}

TEST(FieldTermsTest, LongStringsAreNoTerms) {
  const Json payload = {{"a", std::string(kMaxTermBytes + 1, 'x')}};
  const FieldTerms terms =
      ExtractTerms(PayloadIndexType::kKeyword, *PayloadPath::Parse("a"), payload);
  EXPECT_THAT(terms.words, IsEmpty());
  EXPECT_TRUE(terms.others);
  EXPECT_FALSE(WordOf(PayloadIndexType::kKeyword, std::string(kMaxTermBytes + 1, 'x')).has_value());
}

TEST(FieldTermsTest, Words) {
  const auto words = SplitWords("ab, c\xc3\xa9-1 ");
  ASSERT_EQ(words.size(), 3u);
  EXPECT_EQ(words[0].word, "ab");
  EXPECT_TRUE(words[0].open_left);
  EXPECT_FALSE(words[0].open_right);
  EXPECT_EQ(words[1].word, "c\xc3\xa9");
  EXPECT_FALSE(words[2].open_right);
  EXPECT_TRUE(SplitWords("ab")[0].open_right);
  EXPECT_THAT(SplitWords(" ,;"), IsEmpty());
}

TEST(FieldTermsTest, DoublesKeepTheirOrder) {
  const std::vector<double> sorted = {
      -std::numeric_limits<double>::max(), -2.5, -1e-300, 0, 1e-300, 1, 2.5,
      std::numeric_limits<double>::max()};
  for (size_t i = 0; i < sorted.size(); ++i) {
    EXPECT_EQ(FromOrderedDouble(OrderedDouble(sorted[i])), sorted[i]);
    if (i == 0) continue;
    EXPECT_LT(OrderedDouble(sorted[i - 1]), OrderedDouble(sorted[i]));
  }
  EXPECT_EQ(OrderedDouble(-0.0), OrderedDouble(0.0));
}

}  // namespace
}  // namespace vecnest::engine
