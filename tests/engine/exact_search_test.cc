#include "engine/evaluation/exact_search.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <random>
#include <stop_token>
#include <vector>

#include "gtest/gtest.h"

namespace vecnest::engine::evaluation {
namespace {

VectorMatrix RandomVectors(size_t count, size_t width, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  VectorMatrix vectors = {width, std::vector<float>(count * width)};
  for (float& value : vectors.values) value = normal(random);
  return vectors;
}

// Smaller is nearer; a plain loop in double.
double PlainCost(Metric metric, absl::Span<const float> a, absl::Span<const float> b) {
  double dot = 0;
  double square_a = 0;
  double square_b = 0;
  double l1 = 0;
  double l2 = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    dot += x * y;
    square_a += x * x;
    square_b += y * y;
    l1 += std::fabs(x - y);
    l2 += (x - y) * (x - y);
  }
  if (metric == Metric::kCosine) return -dot / std::sqrt(square_a * square_b);
  if (metric == Metric::kDot) return -dot;
  return metric == Metric::kEuclid ? std::sqrt(l2) : l1;
}

using Answers = std::vector<std::vector<uint32_t>>;

absl::StatusOr<Answers> Search(const VectorMatrix& queries, const VectorMatrix& rows,
                               const ExactSearch& search, const CallLimits& limits = {}) {
  Answers answers(queries.count());
  const absl::Status status =
      SearchExactly(queries, rows, search, limits, [&](size_t q, absl::Span<const uint32_t> found) {
        answers[q].assign(found.begin(), found.end());
      });
  if (!status.ok()) return status;
  return answers;
}

class ExactSearchTest : public ::testing::TestWithParam<Metric> {};

TEST_P(ExactSearchTest, AgreesWithAPlainLoop) {
  const VectorMatrix rows = RandomVectors(5000, 24, 1);
  const VectorMatrix queries = RandomVectors(37, 24, 2);
  const auto answers = Search(queries, rows, {.metric = GetParam(), .limit = 20, .threads = 3});
  ASSERT_TRUE(answers.ok());
  for (size_t q = 0; q < queries.count(); ++q) {
    std::vector<uint32_t> order(rows.count());
    std::iota(order.begin(), order.end(), 0U);
    std::vector<double> costs(rows.count());
    for (size_t i = 0; i < costs.size(); ++i) {
      costs[i] = PlainCost(GetParam(), queries.Row(q), rows.Row(i));
    }
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return costs[a] < costs[b]; });
    order.resize(20);
    EXPECT_EQ((*answers)[q], order) << q;
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, ExactSearchTest,
                         ::testing::Values(Metric::kCosine, Metric::kDot, Metric::kEuclid,
                                           Metric::kManhattan));

TEST(ExactSearchTiesTest, TieOrderDecides) {
  const VectorMatrix rows = {2, {1, 0, 1, 0, 0, 1, 1, 0}};
  const VectorMatrix query = {2, {1, 0}};
  EXPECT_EQ(Search(query, rows, {.limit = 9})->front(), (std::vector<uint32_t>{0, 1, 3, 2}));
  const std::vector<uint32_t> tie_order = {3, 2, 1, 0};
  EXPECT_EQ(Search(query, rows, {.limit = 9, .tie_order = tie_order})->front(),
            (std::vector<uint32_t>{3, 1, 0, 2}));
}

TEST(ExactSearchTiesTest, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  const VectorMatrix rows = {2, {1, 0}};
  EXPECT_TRUE(absl::IsCancelled(Search(rows, rows, {}, {.stop = stop.get_token()}).status()));
}

}  // namespace
}  // namespace vecnest::engine::evaluation
