#include "engine/bm25.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::unique_ptr<Bm25Index> IndexOf(const std::vector<std::string>& texts,
                                   const Bm25Parameters& parameters = {}) {
  auto index = Bm25Index::Create(parameters);
  EXPECT_TRUE(index.ok()) << index.status();
  for (const std::string& text : texts) EXPECT_TRUE((*index)->Add(text).ok());
  return *std::move(index);
}

TEST(Bm25IndexTest, ScoresAsTheFormulaSays) {
  const auto index = IndexOf({"the cat sat on the mat", "dogs bark", "the dog chased the cat"});
  auto hits = index->Search("cats and the dog", 10);
  ASSERT_TRUE(hits.ok()) << hits.status();
  ASSERT_EQ(hits->size(), 3);
  // Lengths 6, 2, 5, their mean 13/3; "cat" and "the" in two texts, "dog" in two.
  const auto part = [](double frequency, double length) {
    const double rarity = std::log(1 + (3 - 2 + 0.5) / (2 + 0.5));
    return rarity * frequency / (frequency + 1.2 * (0.25 + 0.75 * length / (13.0 / 3)));
  };
  EXPECT_EQ((*hits)[0].document, 2);
  EXPECT_NEAR((*hits)[0].score, part(1, 5) + part(2, 5) + part(1, 5), 1e-6);
  EXPECT_EQ((*hits)[1].document, 0);
  EXPECT_NEAR((*hits)[1].score, part(1, 6) + part(2, 6), 1e-6);
  EXPECT_EQ((*hits)[2].document, 1);
  EXPECT_NEAR((*hits)[2].score, part(1, 2), 1e-6);
}

TEST(Bm25IndexTest, WordsOfTheQuestionCountAsOftenAsTheyCome) {
  const auto index = IndexOf({"cat", "dog", "bird"});
  const auto once = index->Search("cat", 1);
  const auto twice = index->Search("cat cat", 1);
  ASSERT_TRUE(once.ok() && twice.ok());
  EXPECT_FLOAT_EQ((*twice)[0].score, 2 * (*once)[0].score);
}

TEST(Bm25IndexTest, FindsNothingWhereNothingIs) {
  const auto index = IndexOf({"", "...", "cat"});
  const auto hits = index->Search("dog", 10);
  ASSERT_TRUE(hits.ok());
  EXPECT_THAT(*hits, IsEmpty());
  EXPECT_FALSE(index->Add("late").ok());
  const auto empty = IndexOf({})->Search("dog", 10);
  ASSERT_TRUE(empty.ok());
  EXPECT_THAT(*empty, IsEmpty());
}

TEST(Bm25IndexTest, RefusesParametersOutOfRange) {
  EXPECT_THAT(Bm25Index::Create({.k1 = 0}).status().message(), HasSubstr("k1: 0"));
  EXPECT_THAT(Bm25Index::Create({.k1 = std::nan("")}).status().message(), HasSubstr("k1: nan"));
  EXPECT_THAT(Bm25Index::Create({.b = 1.5}).status().message(), HasSubstr("b: 1.5"));
}

}  // namespace
}  // namespace vecnest::engine
