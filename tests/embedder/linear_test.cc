#include "embedder/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace vecnest::embedder {
namespace {

struct Problem {
  Problem(size_t inputs, size_t outputs, size_t rows, unsigned seed = 1)
      : weights(inputs * outputs),
        bias(outputs),
        x(Linear::PaddedRows(rows) * inputs),
        y(Linear::PaddedRows(rows) * outputs) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (auto* values : {&weights, &bias, &x}) {
      for (float& value : *values) value = normal(random);
    }
  }
  std::vector<float> weights, bias, x, y;
};

TEST(LinearTest, AgreesWithAPlainLoop) {
  for (const auto& [inputs, outputs, rows] : {std::tuple<size_t, size_t, size_t>{1, 1, 1},
                                              {36, 70, 5},
                                              {70, 36, 13},
                                              {33, 17, 100},
                                              {384, 384, 97},
                                              {1536, 384, 3}}) {
    Problem p(inputs, outputs, rows);
    const auto linear = Linear::Create(inputs, outputs, p.weights, p.bias);
    ASSERT_TRUE(linear.ok()) << linear.status();
    EXPECT_EQ(linear->inputs(), inputs);
    EXPECT_EQ(linear->outputs(), outputs);
    LinearContext context;
    const SingleThreadGuard one_thread;
    ASSERT_TRUE(linear->Run(p.x.data(), rows, p.y.data(), &context).ok());
    for (size_t r = 0; r < rows; ++r) {
      for (size_t o = 0; o < outputs; ++o) {
        double sum = p.bias[o], magnitude = std::abs(p.bias[o]);
        for (size_t i = 0; i < inputs; ++i) {
          const double term = static_cast<double>(p.x[r * inputs + i]) * p.weights[o * inputs + i];
          sum += term;
          magnitude += std::abs(term);
        }
        // Any order of f32 sums: at most `inputs` roundings of partial sums.
        ASSERT_NEAR(p.y[r * outputs + o], sum,
                    magnitude * 6e-8 * std::sqrt(static_cast<double>(inputs) + 1) * 4);
      }
    }
  }
}

TEST(LinearTest, ARowHasTheSameBitsWhateverItsNeighbours) {
  for (const auto& [inputs, outputs] :
       {std::pair<size_t, size_t>{384, 1152}, {1536, 384}, {768, 768}, {36, 70}, {3072, 96}}) {
    constexpr size_t kRows = 230;
    Problem p(inputs, outputs, kRows);
    const auto linear = Linear::Create(inputs, outputs, p.weights, p.bias);
    ASSERT_TRUE(linear.ok());
    LinearContext context;
    const SingleThreadGuard one_thread;
    ASSERT_TRUE(linear->Run(p.x.data(), kRows, p.y.data(), &context).ok());
    for (size_t first = 0, rows = 1; first + Linear::PaddedRows(rows) <= kRows;
         first += 17, rows += 9) {
      std::vector<float> part(Linear::PaddedRows(rows) * outputs);
      ASSERT_TRUE(linear->Run(p.x.data() + first * inputs, rows, part.data(), &context).ok());
      ASSERT_EQ(
          std::memcmp(part.data(), p.y.data() + first * outputs, rows * outputs * sizeof(float)), 0)
          << inputs << "x" << outputs << " rows " << first << "+" << rows;
    }
  }
}

TEST(LinearTest, RefusesSizesThatDoNotFit) {
  const std::vector<float> values(6);
  EXPECT_FALSE(Linear::Create(2, 2, values, {values.data(), 2}).ok());
  EXPECT_FALSE(Linear::Create(2, 3, values, {values.data(), 2}).ok());
  EXPECT_FALSE(Linear::Create(0, 0, {}, {}).ok());
}

}  // namespace
}  // namespace vecnest::embedder
