#include "engine/payload_index/point_numbers.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using testing::ElementsAre;

TEST(PointNumbersTest, FreedNumbersComeFirst) {
  PointNumbers numbers;
  EXPECT_THAT(numbers.NextFree(2), ElementsAre(0, 1));
  for (PointNumber number = 0; number < 4; ++number) numbers.Put(number, {0, 0, 100 + number});
  numbers.Free(2);
  numbers.Free(0);
  numbers.Free(0);
  EXPECT_THAT(numbers.NextFree(4), ElementsAre(0, 2, 4, 5));
  numbers.Put(0, {0, 0, 7});
  EXPECT_THAT(numbers.NextFree(1), ElementsAre(2));
  EXPECT_EQ(numbers.KeyOf(0), (storage::PointKey{0, 0, 7}));
  EXPECT_EQ(numbers.live().cardinality(), 3u);
}

TEST(PointNumbersTest, LeavesGapsFree) {
  PointNumbers numbers;
  numbers.Put(3, {0, 0, 1});
  EXPECT_THAT(numbers.NextFree(4), ElementsAre(0, 1, 2, 4));
}

TEST(PointNumbersTest, KeepsUuidsAmongNumbers) {
  PointNumbers numbers;
  numbers.Put(0, {0, 0, 1});
  numbers.Put(1, {1, 2, 3});
  numbers.Put(2, {0, 0, 4});
  EXPECT_EQ(numbers.KeyOf(1), (storage::PointKey{1, 2, 3}));
  EXPECT_EQ(numbers.KeyOf(2), (storage::PointKey{0, 0, 4}));
  ByteWriter writer;
  numbers.Encode(writer);
  const std::string bytes = writer.Take();
  ByteReader reader(bytes, "numbers");
  EXPECT_TRUE(PointNumbers::Decode(reader) == numbers);
  EXPECT_TRUE(reader.Finish().ok());
  // A number that goes from a UUID to a plain id.
  numbers.Free(1);
  numbers.Put(1, {0, 0, 9});
  EXPECT_EQ(numbers.KeyOf(1), (storage::PointKey{0, 0, 9}));
}

}  // namespace
}  // namespace vecnest::engine
