#include "embedder/matrix_product.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/embedder/adaptor_vectors.h"

namespace vecnest::embedder {
namespace {

float At(const Factor& factor, size_t row, size_t column) {
  return factor.transposed ? factor.data[column * factor.stride + row]
                           : factor.data[row * factor.stride + column];
}

void ExpectProduct(const Factor& a, const Factor& b, const ProductShape& shape,
                   const std::vector<float>& product, size_t stride, float before) {
  for (size_t r = 0; r < shape.rows; ++r) {
    for (size_t c = 0; c < shape.columns; ++c) {
      double sum = before;
      for (size_t i = 0; i < shape.inner; ++i) sum += At(a, r, i) * At(b, i, c);
      ASSERT_NEAR(product[r * stride + c], sum, 1e-4) << r << "," << c;
    }
    for (size_t c = shape.columns; c < stride; ++c) ASSERT_EQ(product[r * stride + c], before);
  }
}

TEST(MatrixProductTest, AgreesWithAPlainLoop) {
  const std::vector<float> x = NormalValues(40 * 40, 1);
  const std::vector<float> y = NormalValues(40 * 40, 2);
  const Workers workers(3);
  for (const ProductShape& shape : {ProductShape{1, 1, 1}, {5, 40, 17}, {33, 20, 39}}) {
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) {
        const Factor a = {x.data(), 40, transpose_a};
        const Factor b = {y.data(), 40, transpose_b};
        std::vector<float> product(40 * 40, 2.0F);
        ASSERT_TRUE(Multiply(a, b, shape, product.data(), 40, /*accumulate=*/true).ok());
        ExpectProduct(a, b, shape, product, 40, 2.0F);
        std::vector<float> shared(40 * shape.columns);
        ASSERT_TRUE(workers.Multiply(a, b, shape, shared.data(), shape.columns).ok());
        ExpectProduct(a, b, shape, shared, shape.columns, 0);
      }
    }
  }
}

TEST(WorkersTest, BitsDoNotDependOnTheThreads) {
  const std::vector<float> x = NormalValues(100 * 100, 3);
  std::vector<float> one(100 * 100), more(100 * 100);
  const Factor factor = {x.data(), 100};
  ASSERT_TRUE(Workers(1).Multiply(factor, factor, {100, 100, 100}, one.data(), 100).ok());
  ASSERT_TRUE(Workers(4).Multiply(factor, factor, {100, 100, 100}, more.data(), 100).ok());
  EXPECT_EQ(one, more);
}

TEST(WorkersTest, EveryPieceRunsOnceAndTheFirstErrorIsGiven) {
  for (const size_t threads : {0, 1, 3}) {
    std::vector<int> runs(10);
    const absl::Status status = Workers(threads).Run(runs.size(), [&](size_t piece) {
      ++runs[piece];
      return piece % 4 == 3 ? absl::AbortedError(std::to_string(piece)) : absl::OkStatus();
    });
    EXPECT_EQ(runs, std::vector<int>(10, 1));
    EXPECT_EQ(status, absl::AbortedError("3"));
  }
  EXPECT_TRUE(Workers(2).Run(0, [](size_t) { return absl::InternalError(""); }).ok());
}

}  // namespace
}  // namespace vecnest::embedder
