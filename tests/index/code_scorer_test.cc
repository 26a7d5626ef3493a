#include "index/code_scorer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kWidth = 160;
constexpr size_t kRows = 800;
constexpr size_t kTop = 10;

struct Case {
  Metric metric;
  bool unit;
  size_t dimensions;
};

// The share of the ten best by plain scores that are among the best twenty by codes.
double Kept(const Case& setting, const testing::Matrix& points, const testing::Matrix& queries,
            int bits) {
  testing::Block block(points);
  const CodeView codes = block.Codes({bits, setting.metric == Metric::kCosine});
  size_t kept = 0;
  for (size_t i = 0; i < queries.count(); ++i) {
    const CodeScorer scorer(codes, setting.metric, queries.Row(i), setting.dimensions,
                            setting.unit ? Renormalize::kYes : Renormalize::kNo);
    std::vector<std::pair<double, uint32_t>> exact;
    std::vector<std::pair<float, uint32_t>> coded;
    for (uint32_t row = 0; row < kRows; ++row) {
      const double score = testing::PlainScore(setting.metric, queries.Row(i), points.Row(row),
                                               setting.dimensions, setting.unit);
      exact.emplace_back(LargerIsNearer(setting.metric) ? -score : score, row);
      coded.emplace_back(scorer.Cost(row), row);
    }
    std::sort(exact.begin(), exact.end());
    std::sort(coded.begin(), coded.end());
    for (size_t j = 0; j < kTop; ++j) {
      kept += static_cast<size_t>(
          std::count_if(coded.begin(), coded.begin() + 2 * kTop,
                        [&](const auto& item) { return item.second == exact[j].second; }));
    }
  }
  return static_cast<double>(kept) / static_cast<double>(queries.count() * kTop);
}

double Kept(const Case& setting, int bits) {
  return Kept(setting, testing::Clustered(kRows, kWidth, 1, setting.unit),
              testing::Clustered(30, kWidth, 2, setting.unit), bits);
}

TEST(CodeScorerTest, OrdersAsScoresDo) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
    for (const bool unit : {true, false}) {
      for (const size_t dimensions : {kWidth, size_t{100}, size_t{37}}) {
        const Case setting{metric, unit, dimensions};
        EXPECT_GE(Kept(setting, 8), 0.995)
            << static_cast<int>(metric) << " " << unit << " " << dimensions;
        EXPECT_GE(Kept(setting, 4), dimensions == 37 ? 0.93 : 0.98)
            << static_cast<int>(metric) << " " << unit << " " << dimensions;
        // By chance it would be a fortieth.
        EXPECT_GE(Kept(setting, 1), dimensions == 37 ? 0.5 : 0.7)
            << static_cast<int>(metric) << " " << unit << " " << dimensions;
      }
    }
  }
}

// Where all vectors point mostly in one direction their differences are small beside them.
TEST(CodeScorerTest, FewBitsServeVectorsOfOneDirection) {
  const auto lean = [](testing::Matrix points) {
    for (size_t i = 0; i < points.values.size(); ++i) {
      points.values[i] = 0.1F * points.values[i] + (i % kWidth % 7 == 0 ? 0.3F : -0.05F);
    }
    for (size_t row = 0; row < points.count(); ++row) {
      testing::Normalize(&points.values[row * kWidth], kWidth);
    }
    return points;
  };
  EXPECT_GE(Kept({Metric::kCosine, true, kWidth}, lean(testing::Clustered(kRows, kWidth, 1)),
                 lean(testing::Clustered(30, kWidth, 2)), 4),
            0.98);
}

// The cost of a score is about the cost of a vector that has it.
TEST(CodeScorerTest, ScoresHaveTheCostsOfTheirVectors) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
    for (const bool unit : {true, false}) {
      for (const size_t dimensions : {kWidth, size_t{100}}) {
        for (const bool normalized : {true, false}) {
          // Codes of vectors that were scaled serve other metrics where that changed nothing.
          if (normalized && metric != Metric::kCosine && !unit) continue;
          const testing::Matrix points = testing::Clustered(kRows, kWidth, 1, unit);
          const testing::Matrix queries = testing::Clustered(3, kWidth, 2, unit);
          testing::Block block(points);
          const CodeView codes = block.Codes({8, normalized});
          for (size_t i = 0; i < queries.count(); ++i) {
            const CodeScorer scorer(codes, metric, queries.Row(i), dimensions,
                                    unit ? Renormalize::kYes : Renormalize::kNo);
            std::vector<float> costs;
            std::vector<float> errors;
            for (uint32_t row = 0; row < kRows; ++row) {
              costs.push_back(scorer.Cost(row));
              const double score =
                  testing::PlainScore(metric, queries.Row(i), points.Row(row), dimensions, unit);
              errors.push_back(std::fabs(scorer.CostOf(static_cast<float>(score)) - costs.back()));
            }
            const auto [least, most] = std::minmax_element(costs.begin(), costs.end());
            std::nth_element(errors.begin(), errors.begin() + kRows / 2, errors.end());
            EXPECT_LT(errors[kRows / 2], 0.01 * (*most - *least))
                << static_cast<int>(metric) << unit << dimensions << normalized;
          }
        }
      }
    }
  }
}

// By the definition of scores: the negative of the cosine times the query's length, whatever the
// center and the step of the codes are.
TEST(CodeScorerTest, SharedCostsAreOfOneScale) {
  testing::Matrix far = testing::Clustered(kRows, kWidth, 3);
  for (float& value : far.values) value = 0.2F * value + 0.5F;
  const testing::Matrix queries = testing::Clustered(5, kWidth, 2);
  for (const testing::Matrix& points : {testing::Clustered(kRows, kWidth, 1), far}) {
    testing::Block block(points);
    for (const auto& [bits, dimensions] :
         {std::pair(8, kWidth), std::pair(8, size_t{100}), std::pair(4, kWidth)}) {
      const CodeView codes = block.Codes({bits, true});
      for (size_t i = 0; i < queries.count(); ++i) {
        const CodeScorer scorer(codes, Metric::kCosine, queries.Row(i), dimensions,
                                Renormalize::kYes);
        ASSERT_TRUE(scorer.HasShared());
        double length = 0;
        for (size_t j = 0; j < dimensions; ++j) length += std::pow(queries.Row(i)[j], 2);
        double squares = 0;
        size_t beyond = 0;
        for (uint32_t row = 0; row < kRows; ++row) {
          const double score = testing::PlainScore(Metric::kCosine, queries.Row(i), points.Row(row),
                                                   dimensions, true);
          const float cost = scorer.Cost(row);
          squares += std::pow(scorer.Shared(cost) + score * std::sqrt(length), 2);
          const float shared = scorer.SharedOf(static_cast<float>(score));
          EXPECT_NEAR(shared, -score * std::sqrt(length), 1e-4);
          beyond += cost > scorer.CostWithin(shared) ? 1 : 0;
          EXPECT_GT(scorer.CostWithin(shared), scorer.FromShared(shared));
          EXPECT_NEAR(scorer.FromShared(scorer.Shared(cost)), cost, 1e-5 * std::fabs(cost) + 0.1);
        }
        const double error = std::sqrt(squares / kRows);
        EXPECT_GT(error, 0.5 * scorer.SharedError());
        EXPECT_LT(error, 2 * scorer.SharedError());
        // Of 8 bits rare components are cut.
        EXPECT_LE(beyond, bits == 4 ? 0 : kRows / 200);
        constexpr float kInfinity = std::numeric_limits<float>::infinity();
        EXPECT_EQ(scorer.CostWithin(kInfinity), kInfinity);
      }
    }
  }
  testing::Block block(far);
  const CodeScorer unlike(block.Codes({8, false}), Metric::kEuclid, queries.Row(0), kWidth,
                          Renormalize::kNo);
  EXPECT_FALSE(unlike.HasShared());
  EXPECT_EQ(unlike.CostWithin(0), std::numeric_limits<float>::infinity());
}

TEST(CodeScorerTest, CostsAreFinite) {
  constexpr float kHuge = 3e38F;
  testing::Block block({2, {kHuge, -kHuge, 0, 0, 1e-42F, 0}});
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclid}) {
    for (const std::vector<float>& query : {std::vector<float>{kHuge, kHuge}, {0, 0}, {1, 1}}) {
      for (const size_t dimensions : {1, 2}) {
        const CodeScorer scorer(block.Codes({8, metric == Metric::kCosine}), metric, query,
                                dimensions, Renormalize::kNo);
        for (uint32_t row = 0; row < 3; ++row) EXPECT_TRUE(std::isfinite(scorer.Cost(row)));
      }
    }
  }
}

}  // namespace
}  // namespace vecnest::index
