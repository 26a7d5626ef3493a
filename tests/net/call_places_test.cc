#include "net/call_places.h"

#include <stdexcept>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

TEST(NetCallPlacesTest, AreAsManyAsGiven) {
  CallPlaces places(2);
  EXPECT_TRUE(places.TryEnter());
  EXPECT_TRUE(places.TryEnter());
  EXPECT_FALSE(places.TryEnter());
  places.Leave();
  EXPECT_TRUE(places.TryEnter());
  EXPECT_FALSE(places.TryEnter());
}

TEST(NetCallPlacesTest, ExceptionsBecomeAnswers) {
  const Response response = RunCall([]() -> Response { throw std::runtime_error("torn"); });
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, ::testing::HasSubstr("torn"));
}

}  // namespace
}  // namespace vecnest::net
