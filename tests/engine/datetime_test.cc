#include "engine/datetime.h"

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

TEST(DatetimeTest, ReadsTheFormsPayloadsUse) {
  // date -u -d 2024-02-29T12:00:00Z +%s
  constexpr int64_t kNoon = 1709208000'000000;
  EXPECT_EQ(ParseDatetime("2024-02-29T12:00:00Z"), kNoon);
  EXPECT_EQ(ParseDatetime("2024-02-29T12:00:00.5Z"), kNoon + 500000);
  EXPECT_EQ(ParseDatetime("2024-02-29T13:00:00+01:00"), kNoon);
  EXPECT_EQ(ParseDatetime("2024-02-29T12:00:00"), kNoon);
  EXPECT_EQ(ParseDatetime("2024-02-29 12:00:00"), kNoon);
  EXPECT_EQ(ParseDatetime("2024-02-29"), kNoon - 12LL * 3600 * 1000000);
}

TEST(DatetimeTest, RefusesTheRest) {
  for (const char* text : {"", "yesterday", "2024-13-01", "2023-02-29", "12:00"}) {
    EXPECT_FALSE(ParseDatetime(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace vecnest::engine
