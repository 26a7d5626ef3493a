#include "index/inverted_index.h"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

using ::testing::HasSubstr;

using Terms = std::vector<SparseTerm>;

// Documents whose dimensions are as unevenly used as words are.
std::vector<Terms> RandomDocuments(size_t count, std::mt19937& random) {
  std::vector<Terms> documents(count);
  std::geometric_distribution<uint32_t> dimension(0.02);
  std::uniform_real_distribution<float> weight(0.1F, 3);
  std::uniform_int_distribution<size_t> size(0, 30);
  for (Terms& document : documents) {
    for (size_t left = size(random); left > 0; --left) {
      const uint32_t drawn = dimension(random);
      const bool known = std::any_of(document.begin(), document.end(), [&](const SparseTerm& term) {
        return term.dimension == drawn;
      });
      if (!known) document.push_back({drawn, weight(random)});
    }
  }
  return documents;
}

InvertedIndex Build(const std::vector<Terms>& documents) {
  InvertedIndex::Builder builder;
  for (const Terms& document : documents) EXPECT_TRUE(builder.Add(document).ok());
  return builder.Build();
}

// Every document looked at, every pair of terms compared.
std::vector<InvertedIndex::Hit> Plainly(const std::vector<Terms>& documents, const Terms& query,
                                        size_t count) {
  std::vector<InvertedIndex::Hit> hits;
  for (uint32_t document = 0; document < documents.size(); ++document) {
    double score = 0;
    for (const SparseTerm& wanted : query) {
      for (const SparseTerm& term : documents[document]) {
        if (term.dimension == wanted.dimension) score += double{wanted.weight} * term.weight;
      }
    }
    if (score > 0) hits.push_back({document, static_cast<float>(score)});
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  if (hits.size() > count) hits.resize(count);
  return hits;
}

TEST(InvertedIndexTest, FindsWhatAPlainLoopFinds) {
  std::mt19937 random(3);
  const std::vector<Terms> documents = RandomDocuments(3000, random);
  const InvertedIndex index = Build(documents);
  ASSERT_EQ(index.documents(), documents.size());
  for (const Terms& query : RandomDocuments(200, random)) {
    for (const size_t count : {1, 10, 100, 5000}) {
      const auto expected = Plainly(documents, query, count);
      const auto found = index.Search(query, count);
      ASSERT_EQ(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_FLOAT_EQ(found[i].score, expected[i].score) << "rank " << i;
      }
    }
  }
}

TEST(InvertedIndexTest, EqualScoresComeByNumber) {
  const InvertedIndex index = Build({{{7, 1}}, {{7, 2}}, {{7, 2}}, {{7, 2}}});
  const auto hits = index.Search(Terms{{7, 1}}, 2);
  ASSERT_EQ(hits.size(), 2);
  EXPECT_EQ(hits[0].document, 1);
  EXPECT_EQ(hits[1].document, 2);
}

TEST(InvertedIndexTest, ListSizesCountDocuments) {
  const InvertedIndex index = Build({{{7, 1}, {9, 1}}, {}, {{7, 2}}});
  EXPECT_EQ(index.ListSize(7), 2);
  EXPECT_EQ(index.ListSize(9), 1);
  EXPECT_EQ(index.ListSize(8), 0);
}

TEST(InvertedIndexTest, NothingComesOfNothing) {
  const InvertedIndex empty = Build({});
  EXPECT_TRUE(empty.Search(Terms{{7, 1}}, 10).empty());
  const InvertedIndex index = Build({{{7, 1}}});
  EXPECT_TRUE(index.Search(Terms{}, 10).empty());
  EXPECT_TRUE(index.Search(Terms{{8, 1}}, 10).empty());
  EXPECT_TRUE(index.Search(Terms{{7, 1}}, 0).empty());
  EXPECT_TRUE(index.Search(Terms{{7, -1}}, 10).empty());
}

TEST(InvertedIndexTest, RefusesWhatIsNoSparseVector) {
  InvertedIndex::Builder builder;
  EXPECT_THAT(builder.Add(Terms{{3, 1}, {5, 1}, {3, 2}}).message(),
              HasSubstr("dimension 3 comes twice"));
  EXPECT_THAT(builder.Add(Terms{{4, 0}}).message(), HasSubstr("dimension 4 has the weight 0"));
  EXPECT_FALSE(builder.Add(Terms{{4, std::numeric_limits<float>::infinity()}}).ok());
  ASSERT_TRUE(builder.Add(Terms{{4, 1}}).ok());
  const InvertedIndex index = builder.Build();
  EXPECT_EQ(index.documents(), 1);
  EXPECT_EQ(index.ListSize(3), 0);
}

}  // namespace
}  // namespace vecnest::index
