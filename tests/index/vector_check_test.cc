#include "index/vector_check.h"

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::index {
namespace {

using ::testing::HasSubstr;
using Limits = std::numeric_limits<float>;

TEST(VectorCheckTest, TakesFiniteVectorsOfTheWidth) {
  EXPECT_TRUE(CheckVector({}, 0).ok());
  EXPECT_TRUE(CheckVector(std::vector<float>{0, -0.0F, Limits::max(), Limits::lowest(),
                                             Limits::denorm_min(), -Limits::denorm_min(), 1},
                          7)
                  .ok());
  EXPECT_THAT(std::string(CheckVector(std::vector<float>{1, 2}, 3).message()),
              HasSubstr("2 dimensions, the index 3"));
}

TEST(VectorCheckTest, NamesTheFirstComponentThatIsNotFinite) {
  constexpr size_t kWidth = 21;  // some in lanes, some behind
  for (const float bad :
       {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), -Limits::quiet_NaN()}) {
    for (size_t i = 0; i < kWidth; ++i) {
      std::vector<float> vector(kWidth, 0.5F);
      vector[i] = bad;
      vector[kWidth - 1] = bad;
      const absl::Status status = CheckVector(vector, kWidth);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(status.message()), HasSubstr(fmt::format("component {} is", i)));
    }
  }
}

}  // namespace
}  // namespace vecnest::index
