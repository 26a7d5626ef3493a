#include "embedder/inspection/nearest_rows.h"

#include <algorithm>
#include <numeric>

#include "embedder/inspection/vectors.h"
#include "tests/embedder/inspection_fixture.h"
#include "tests/embedder/random_values.h"

namespace vecnest::embedder {
namespace {

std::vector<size_t> RowsOf(const std::vector<ScoredRow>& rows) {
  std::vector<size_t> numbers;
  for (const ScoredRow& row : rows) numbers.push_back(row.row);
  return numbers;
}

void ExpectWords(const Encoder& encoder, const std::vector<ScoredRow>& rows,
                 const nlohmann::json& expected) {
  ASSERT_EQ(rows.size(), expected.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(encoder.vocabulary().TextOf(static_cast<int32_t>(rows[i].row)), expected[i][0]);
    EXPECT_NEAR(rows[i].cosine, expected[i][1].get<double>(), kInspectionTolerance);
  }
}

TEST(NearestRowsTest, NeighborsAndAnalogyAreThoseOfNumPy) {
  const auto reference = InspectionReference("words");
  const auto encoder = LoadForInspection("tiny-words.txt");
  const RowSource table = TokenTable(*encoder, 0, false);
  const auto row_of = [&](const nlohmann::json& word) {
    return static_cast<size_t>(encoder->vocabulary().Find(word.get<std::string>()));
  };
  const size_t near = row_of(reference["near"]);
  RowQuery query = {std::vector<float>(table.width), {near}};
  table.read(near, 1, query.vector.data());
  const auto& analogy = reference["analogy"];
  const RowQuery queries[] = {
      query, AnalogyQuery(table, {row_of(analogy[0]), row_of(analogy[1]), row_of(analogy[2])})};
  const auto nearest = NearestRows(table, queries, 5, {}, nullptr);
  ASSERT_TRUE(nearest.ok()) << nearest.status();
  ExpectWords(*encoder, (*nearest)[0], reference["neighbors"]);
  ExpectWords(*encoder, (*nearest)[1], reference["nearest"]);
}

TEST(NearestRowsTest, ManyRowsAndQueriesAsByThePlainLoop) {
  constexpr size_t kRows = 5000;  // some blocks
  constexpr size_t kWidth = 7;
  const std::vector<float> values = kernels::Random(kRows * kWidth, 1);
  const std::vector<float> asked = kernels::Random(150 * kWidth, 2);  // some pieces
  RowSource source = MatrixRows(values, kWidth);
  source.skip = [](size_t row) { return row % 3 == 0; };
  std::vector<RowQuery> queries;
  for (size_t q = 0; q < 150; ++q) {
    const float* vector = asked.data() + q * kWidth;
    queries.push_back({{vector, vector + kWidth}, {q, 4000 + q}});
  }
  size_t done = 0;
  const auto nearest = NearestRows(source, queries, 4, {}, [&](size_t now, size_t total) {
    EXPECT_GT(now, done);
    EXPECT_EQ(total, kRows);
    done = now;
  });
  ASSERT_TRUE(nearest.ok()) << nearest.status();
  EXPECT_EQ(done, kRows);
  for (size_t q = 0; q < queries.size(); ++q) {
    std::vector<std::pair<double, size_t>> all;
    for (size_t row = 0; row < kRows; ++row) {
      if (row % 3 == 0 || row == q || row == 4000 + q) continue;
      all.emplace_back(-Cosine(queries[q].vector.data(), values.data() + row * kWidth, kWidth),
                       row);
    }
    std::partial_sort(all.begin(), all.begin() + 4, all.end());
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR((*nearest)[q][i].cosine, -all[i].first, 1e-5);
      EXPECT_EQ((*nearest)[q][i].row, all[i].second);
    }
  }
}

TEST(NearestRowsTest, EqualRowsComeInTheirOrderAndZeroIsOrthogonal) {
  const std::vector<float> values = {0, 0, 1, 0, 2, 0, -1, 0, 3, 0};
  const RowQuery query = {{5, 0}, {}};
  const auto nearest = NearestRows(MatrixRows(values, 2), {&query, 1}, 9, {}, nullptr);
  ASSERT_TRUE(nearest.ok());
  EXPECT_EQ(RowsOf((*nearest)[0]), (std::vector<size_t>{1, 2, 4, 0, 3}));
  EXPECT_EQ((*nearest)[0][3].cosine, 0);
}

TEST(NearestRowsTest, SpecialTokensOnlyWhenWanted) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  RowQuery query = {std::vector<float>(36), {}};
  encoder->parts().architecture->TokenRow(2, query.vector.data());  // [CLS]
  for (const bool special : {false, true}) {
    const auto nearest =
        NearestRows(TokenTable(*encoder, 0, special), {&query, 1}, 100, {}, nullptr);
    const auto rows = RowsOf((*nearest)[0]);
    EXPECT_EQ(rows.size(), special ? 29 : 24);
    EXPECT_EQ(std::count(rows.begin(), rows.end(), 2u), special ? 1 : 0);
  }
  EXPECT_EQ(TokenTable(*encoder, 7, true).count, 7u);
  EXPECT_EQ(TokenTable(*encoder, 1000, true).count, 29u);
}

TEST(NearestRowsTest, ASharedRowIsScaledPerToken) {
  // Rows with a mapping and weights: what is looked up is what a pass reads.
  const auto encoder = LoadForInspection("tiny-model2vec-shared");
  const TokenBatch batch = TokenizeOne(*encoder, "the cat");
  const auto states = encoder->HiddenStates(batch);
  std::vector<float> row(encoder->parts().architecture->shape().width);
  for (size_t t = 0; t < batch.ids.size(); ++t) {
    encoder->parts().architecture->TokenRow(batch.ids[t], row.data());
    EXPECT_TRUE(std::equal(row.begin(), row.end(),
                           (*states)[0].begin() + static_cast<ptrdiff_t>(t * row.size())));
  }
}

TEST(NearestRowsTest, StopsWhenAsked) {
  const auto encoder = LoadForInspection("tiny-words.txt");
  const RowQuery query = {std::vector<float>(11, 1), {}};
  const auto nearest =
      NearestRows(TokenTable(*encoder, 0, false), {&query, 1}, 1, Stopped(), nullptr);
  EXPECT_TRUE(absl::IsCancelled(nearest.status()));
}

}  // namespace
}  // namespace vecnest::embedder
