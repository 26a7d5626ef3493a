#include "engine/payload_index/number_set.h"

#include <random>
#include <set>

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

Roaring ToBitmap(const std::set<PointNumber>& numbers) {
  Roaring bitmap;
  for (const PointNumber number : numbers) bitmap.add(number);
  return bitmap;
}

TEST(NumberSetTest, IsASetAtEverySize) {
  std::mt19937 random(5);
  NumberSet set;
  std::set<PointNumber> expected;
  for (int step = 0; step < 2000; ++step) {
    const PointNumber number = random() % 120;
    if (random() % 3 == 0) {
      set.Remove(number);
      expected.erase(number);
    } else {
      set.Add(number);
      expected.insert(number);
    }
    if (random() % 100 == 0) {
      Roaring gone;
      gone.addRange(20, 110);
      set.RemoveAll(gone);
      std::erase_if(expected, [](PointNumber one) { return one >= 20 && one < 110; });
    }
    ASSERT_EQ(set.size(), expected.size());
    ASSERT_EQ(set.empty(), expected.empty());
    Roaring held;
    set.AddTo(held);
    ASSERT_TRUE(held == ToBitmap(expected));
    Roaring half;
    half.addRange(0, 60);
    ASSERT_EQ(set.CountIn(half), (held & half).cardinality());
    ByteWriter writer;
    set.Encode(writer);
    const std::string bytes = writer.Take();
    ByteReader reader(bytes, "set");
    const NumberSet decoded = NumberSet::Decode(reader);
    ASSERT_TRUE(reader.Finish().ok());
    ASSERT_TRUE(decoded == set);
  }
}

TEST(NumberSetTest, ABitmapIsNotTakenFromOtherBytes) {
  for (const std::string& bytes :
       {std::string(), std::string("nonsense"), std::string(3, '\xff')}) {
    ByteWriter writer;
    writer.Text(bytes);
    const std::string record = writer.Take();
    ByteReader reader(record, "bitmap");
    ReadBitmap(reader);
    EXPECT_FALSE(reader.Finish().ok());
  }
}

}  // namespace
}  // namespace vecnest::engine
