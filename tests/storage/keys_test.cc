#include "storage/keys.h"

#include <algorithm>
#include <array>
#include <set>

#include "gtest/gtest.h"

namespace vecnest::storage {
namespace {

CollectionId SampleCollection() {
  CollectionId id;
  for (size_t i = 0; i < id.size(); ++i) id[i] = static_cast<uint8_t>(i * 17);
  return id;
}

// The values come from the reference XXH3 of python-xxhash 3.x:
//   xxhash.xxh3_64_intdigest(bytes(i * 17 for i in range(16)) + bytes([kind]) + id) % 64
// A change here moves every point of every existing cluster: never edit them.
TEST(KeysTest, PartitionsAreFrozen) {
  const CollectionId c = SampleCollection();
  EXPECT_EQ(PartitionOf(c, {0, 0, 0}), 20);
  EXPECT_EQ(PartitionOf(c, {0, 0, 1}), 44);
  EXPECT_EQ(PartitionOf(c, {0, 0, 18446744073709551615ULL}), 36);
  EXPECT_EQ(PartitionOf(c, {1, 0x550e8400e29b41d4, 0xa716446655440000}), 42);
  EXPECT_EQ(PartitionOf(CollectionId{}, {0, 0, 42}), 29);
}

TEST(KeysTest, PartitionsAreEvenlyUsed) {
  std::array<int, kPartitions> counts{};
  for (uint64_t i = 0; i < 6400; ++i) ++counts[PartitionOf(SampleCollection(), {0, 0, i})];
  EXPECT_GT(*std::min_element(counts.begin(), counts.end()), 50);
  EXPECT_LT(*std::max_element(counts.begin(), counts.end()), 160);
}

TEST(KeysTest, RoundTrip) {
  const CollectionId c = SampleCollection();
  for (const PointKey& point :
       {PointKey{0, 0, 0}, PointKey{0, 0, 300}, PointKey{1, 1, 2}, PointKey{1, ~0ULL, ~0ULL}}) {
    EXPECT_EQ(ParsePointsKey(PointsKey(c, point)), point);
    const auto vector_key = ParseVectorsKey(VectorsKey(c, point, 513));
    ASSERT_TRUE(vector_key.has_value());
    EXPECT_EQ(vector_key->point, point);
    EXPECT_EQ(vector_key->slot, 513);
    EXPECT_TRUE(PointsKey(c, point).starts_with(PartitionPrefix(c, PartitionOf(c, point))));
  }
  EXPECT_EQ(ParseLogKey(LogKey(c, 77)), 77u);
}

TEST(KeysTest, PartsOfTheIndexesKeepApart) {
  const CollectionId c = {1, 2, 3};
  const std::string first = IndexKey(IndexPart::kChanges, c, 255);
  EXPECT_LT(first, IndexKey(IndexPart::kChanges, c, 256));
  EXPECT_TRUE(first.starts_with(IndexPrefix(IndexPart::kChanges, c)));
  EXPECT_FALSE(first.starts_with(IndexPrefix(IndexPart::kCheckpoint, c)));
}

TEST(KeysTest, MalformedKeysAreRefused) {
  EXPECT_FALSE(ParsePointsKey("").has_value());
  EXPECT_FALSE(ParsePointsKey(std::string(17, 'x')).has_value());
  EXPECT_FALSE(ParsePointsKey(PartitionPrefix(SampleCollection(), 1) + '\x02' + "12345678"));
  EXPECT_FALSE(ParsePointsKey(PointsKey(SampleCollection(), {0, 0, 1}) + "x").has_value());
  EXPECT_FALSE(ParseVectorsKey("x").has_value());
  EXPECT_FALSE(ParseLogKey("short").has_value());
}

TEST(KeysTest, IdsOfAPartitionSortAsNumbers) {
  const CollectionId c = SampleCollection();
  std::set<std::pair<std::string, uint64_t>> keys;
  for (uint64_t i : {1ULL, 255ULL, 256ULL, 65536ULL, 1ULL << 40}) {
    keys.insert({PointsKey(c, {0, 0, i}).substr(17), i});
  }
  uint64_t previous = 0;
  for (const auto& [key, number] : keys) {
    EXPECT_GT(number, previous);
    previous = number;
  }
}

TEST(KeysTest, PrefixEndIsTheNextPrefix) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd(std::string("a\xff\xff")), "b");
  EXPECT_EQ(PrefixEnd(std::string("\xff")), "");
}

}  // namespace
}  // namespace vecnest::storage
