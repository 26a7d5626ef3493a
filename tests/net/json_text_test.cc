#include "net/json_text.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

std::string Number(double number) {
  std::string text;
  AppendNumber(number, text);
  return text;
}

TEST(JsonTextTest, NumbersReadBackAsTheyWere) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-300, 300);
  for (int i = 0; i < 20'000; ++i) {
    const double number = std::pow(10, exponent(random)) * (i % 2 == 0 ? 1 : -1);
    const Json back = Json::parse(Number(number));
    ASSERT_TRUE(back.is_number_float()) << Number(number);
    ASSERT_EQ(back.get<double>(), number) << Number(number);
  }
}

// What the JSON library that reads the requests writes itself.
TEST(JsonTextTest, ScoresLookAsTheLibraryWritesThem) {
  for (const float number : {0.0F, -0.0F, 1.0F, -2.0F, 0.5F, 0.1F, 0.8371034F, 1e-5F, 12345.0F}) {
    EXPECT_EQ(Number(number), Json(number).dump());
  }
}

TEST(JsonTextTest, WhatIsNotFiniteIsNull) {
  EXPECT_EQ(Number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(Number(-std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonTextTest, Lists) {
  std::string text = "x";
  AppendNumbers({}, 1, text);
  AppendNumbers({1, 2}, 0.5, text);
  EXPECT_EQ(text, "x[][0.5,1.0]");
}

TEST(JsonTextTest, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(Dump(Json("a\xff")), "\"a\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace vecnest::net
