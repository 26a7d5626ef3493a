#include "embedder/linear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
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

class LinearTest : public testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    if (!IsSupported(GetParam())) GTEST_SKIP() << "this CPU lacks " << PrecisionName(GetParam());
  }
};

// How far a sum of products of row `x` and weights `w` may be from the exact one.
double Tolerance(Precision precision, const float* x, const float* w, size_t inputs) {
  double magnitude = 0, sum_x = 0, sum_w = 0, low = 0, high = 0, largest = 0;
  for (size_t i = 0; i < inputs; ++i) {
    magnitude += std::abs(static_cast<double>(x[i]) * w[i]);
    sum_x += std::abs(x[i]);
    sum_w += std::abs(w[i]);
    low = std::min<double>(low, x[i]);
    high = std::max<double>(high, x[i]);
    largest = std::max<double>(largest, std::abs(w[i]));
  }
  // Any order of f32 sums: at most `inputs` roundings of partial sums.
  const double sums = magnitude * 6e-8 * std::sqrt(static_cast<double>(inputs) + 1) * 4 + 1e-6;
  switch (precision) {
    case Precision::kBf16:  // both factors are rounded to 8 bits
      return sums + magnitude * (std::ldexp(1, -8) + std::ldexp(1, -16));
    case Precision::kInt8: {  // each factor is off by half a step, those at the ends by one
      const double step_x = (high - low) / 255, step_w = largest / 127;
      return sums + (sum_x * step_w / 2 + sum_w * step_x + step_x * step_w * 0.5 * inputs) * 1.001;
    }
    case Precision::kF32:
      break;
  }
  return sums;
}

double Gelu(double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }

TEST_P(LinearTest, AgreesWithAPlainLoop) {
  for (const auto& [inputs, outputs, rows] : {std::tuple<size_t, size_t, size_t>{1, 1, 1},
                                              {36, 70, 5},
                                              {70, 36, 13},
                                              {33, 17, 100},
                                              {384, 384, 97},
                                              {1536, 384, 3}}) {
    for (const Activation activation : {Activation::kNone, Activation::kGelu}) {
      Problem p(inputs, outputs, rows);
      const auto linear =
          Linear::Create({inputs, outputs, p.weights, p.bias, GetParam(), activation});
      ASSERT_TRUE(linear.ok()) << linear.status();
      EXPECT_EQ(linear->inputs(), inputs);
      EXPECT_EQ(linear->outputs(), outputs);
      LinearContext context;
      const SingleThreadGuard one_thread;
      ASSERT_TRUE(linear->Run(p.x.data(), rows, p.y.data(), &context).ok());
      for (size_t r = 0; r < rows; ++r) {
        for (size_t o = 0; o < outputs; ++o) {
          const float* x = &p.x[r * inputs];
          const float* w = &p.weights[o * inputs];
          double sum = p.bias[o];
          for (size_t i = 0; i < inputs; ++i) sum += static_cast<double>(x[i]) * w[i];
          if (activation == Activation::kGelu) sum = Gelu(sum);
          ASSERT_NEAR(p.y[r * outputs + o], sum, 1.13 * Tolerance(GetParam(), x, w, inputs))
              << inputs << "x" << outputs << " row " << r << " output " << o;
        }
      }
    }
  }
}

TEST_P(LinearTest, ARowHasTheSameBitsWhateverItsNeighbours) {
  for (const auto& [inputs, outputs] :
       {std::pair<size_t, size_t>{384, 1152}, {1536, 384}, {768, 768}, {36, 70}, {3072, 96}}) {
    constexpr size_t kRows = 230;
    Problem p(inputs, outputs, kRows);
    const auto linear = Linear::Create({inputs, outputs, p.weights, p.bias, GetParam()});
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

TEST_P(LinearTest, ATeamGivesTheSameBits) {
  for (const auto& [inputs, outputs] :
       {std::pair<size_t, size_t>{384, 1152}, {384, 384}, {1536, 384}, {768, 3072}, {36, 128}}) {
    for (const size_t threads : {2, 3, 4}) {
      Problem p(inputs, outputs, Linear::kBlockRows);
      const auto linear =
          Linear::Create({inputs, outputs, p.weights, p.bias, GetParam(), Activation::kGelu});
      ASSERT_TRUE(linear.ok());
      Team team(threads);
      LinearContext alone, helped;
      const SingleThreadGuard one_thread;
      for (const size_t rows : {1, 2, 7, 10, 33, 96}) {
        ASSERT_TRUE(linear->Run(p.x.data(), rows, p.y.data(), &alone).ok());
        std::vector<float> shared(p.y.size());
        const Team::Pass pass(&team);
        helped.SetTeam(pass.team());
        ASSERT_TRUE(linear->Run(p.x.data(), rows, shared.data(), &helped).ok());
        ASSERT_EQ(std::memcmp(shared.data(), p.y.data(), rows * outputs * sizeof(float)), 0)
            << inputs << "x" << outputs << " rows " << rows << " threads " << threads;
      }
    }
  }
}

// So that the test above compares pieces and not the whole with itself.
TEST_P(LinearTest, ATeamSharesAProduct) {
  if (Linear::PaddedRows(1) > 1) GTEST_SKIP() << "without AVX-512 blocks have other bits";
  Problem p(384, 1152, 10);
  const auto linear = Linear::Create({384, 1152, p.weights, p.bias, GetParam(), Activation::kGelu});
  ASSERT_TRUE(linear.ok());
  Team team(2);
  LinearContext context;
  const SingleThreadGuard one_thread;
  // More than once only where other programs keep the helper away.
  for (int i = 0; i < 2000 && team.rounds() == 0; ++i) {
    const Team::Pass pass(&team);
    context.SetTeam(pass.team());
    ASSERT_TRUE(linear->Run(p.x.data(), 10, p.y.data(), &context).ok());
  }
  EXPECT_GT(team.rounds(), 0U);
}

TEST_P(LinearTest, RowsOfZeros) {
  Problem p(64, 32, 2);
  std::fill(p.x.begin(), p.x.end(), 0.0F);
  const auto linear = Linear::Create({64, 32, p.weights, p.bias, GetParam()});
  ASSERT_TRUE(linear.ok());
  LinearContext context;
  const SingleThreadGuard one_thread;
  ASSERT_TRUE(linear->Run(p.x.data(), 2, p.y.data(), &context).ok());
  for (size_t o = 0; o < 32; ++o) EXPECT_FLOAT_EQ(p.y[o], p.bias[o]);
}

INSTANTIATE_TEST_SUITE_P(Precisions, LinearTest,
                         testing::Values(Precision::kF32, Precision::kBf16, Precision::kInt8),
                         [](const auto& tested) {
                           return std::string(PrecisionName(tested.param));
                         });

TEST(LinearSizesTest, SizesThatDoNotFitAreRefused) {
  const std::vector<float> values(6);
  EXPECT_FALSE(Linear::Create({2, 2, values, {values.data(), 2}}).ok());
  EXPECT_FALSE(Linear::Create({2, 3, values, {values.data(), 2}}).ok());
  EXPECT_FALSE(Linear::Create({0, 0, {}, {}}).ok());
}

}  // namespace
}  // namespace vecnest::embedder
