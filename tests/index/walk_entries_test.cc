#include "index/kernels/walk_entries.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/aligned_allocator.h"

namespace vecnest::index::kernels {
namespace {

constexpr size_t kMost = 200;

using List = hwy::AlignedFreeUniquePtr<uint64_t[]>;

// What lies beyond the size of a list counts for nothing, whatever it is.
List ListOf(const std::vector<uint64_t>& entries, uint64_t beyond) {
  auto list = hwy::AllocateAligned<uint64_t>(kMost + 1 + kEntryBlock);
  std::fill_n(list.get(), kMost + 1 + kEntryBlock, beyond);
  std::copy(entries.begin(), entries.end(), list.get());
  return list;
}

// In ascending order; even.
std::vector<uint64_t> RandomEntries(size_t size, std::mt19937_64& generator) {
  std::vector<uint64_t> entries(size);
  for (uint64_t& entry : entries) entry = generator() << 1U;
  std::sort(entries.begin(), entries.end());
  return entries;
}

TEST(WalkEntriesTest, AnEntryTellsCostAndRow) {
  for (const float cost : {-3e38F, -1.5F, -1e-42F, 0.0F, 1e-42F, 2.5F, 3e38F}) {
    for (const uint32_t row : {0U, 1U, 0x7FFFFFFFU}) {
      const uint64_t entry = EntryOf(cost, row);
      EXPECT_EQ(CostOfEntry(entry), cost);
      EXPECT_EQ(RowOfEntry(entry), row);
      EXPECT_FALSE(IsExpandedEntry(entry));
      EXPECT_TRUE(IsExpandedEntry(entry | kExpandedEntry));
    }
  }
  EXPECT_EQ(EntryOf(-0.0F, 5), EntryOf(0.0F, 5));
}

TEST(WalkEntriesTest, PlacesEntriesInListsOfEverySizeAtEveryLevel) {
  for (const WalkEntryKernels& kernels : AllWalkEntries()) {
    std::mt19937_64 generator(1);
    for (size_t size = 0; size <= kMost; ++size) {
      std::vector<uint64_t> expected = RandomEntries(size, generator);
      for (const uint64_t entry : {generator() | 1, uint64_t{0}, ~uint64_t{0}}) {
        for (const uint64_t beyond : {uint64_t{0}, ~uint64_t{0}}) {
          const List list = ListOf(expected, beyond);
          std::vector<uint64_t> inserted = expected;
          const auto place = std::lower_bound(inserted.begin(), inserted.end(), entry);
          EXPECT_EQ(kernels.insert(list.get(), size, entry), place - inserted.begin())
              << kernels.name << " " << size;
          inserted.insert(place, entry);
          ASSERT_TRUE(std::equal(inserted.begin(), inserted.end(), list.get()))
              << kernels.name << " " << size;
        }
      }
    }
  }
}

TEST(WalkEntriesTest, FindsTheFirstThatIsNotExpandedAtEveryLevel) {
  for (const WalkEntryKernels& kernels : AllWalkEntries()) {
    std::mt19937_64 generator(1);
    for (size_t size = 0; size <= kMost; size += 7) {
      std::vector<uint64_t> entries = RandomEntries(size, generator);
      for (uint64_t& entry : entries) entry |= generator() % 16 == 0 ? 0 : kExpandedEntry;
      const List list = ListOf(entries, 0);
      for (size_t first = 0; first <= size; ++first) {
        const auto expected = std::find_if(entries.begin() + static_cast<ptrdiff_t>(first),
                                           entries.end(), [](uint64_t e) { return (e & 1) == 0; });
        ASSERT_EQ(kernels.first_unexpanded(list.get(), first, size), expected - entries.begin())
            << kernels.name << " " << size << " " << first;
      }
    }
  }
}

TEST(WalkEntriesTest, SelectsWhatIsNearOrInRangeAtEveryLevel) {
  for (const WalkEntryKernels& kernels : AllWalkEntries()) {
    std::mt19937_64 generator(1);
    for (size_t count = 0; count <= 70; ++count) {
      std::vector<uint32_t> rows(count);
      std::vector<float> costs(count);
      for (size_t i = 0; i < count; ++i) {
        rows[i] = static_cast<uint32_t>(generator() >> 33U);
        costs[i] = static_cast<float>(static_cast<int>(generator() % 21) - 10);
      }
      const uint64_t bar = EntryOf(-2, 1U << 30U);
      for (const float range : {-20.0F, -5.0F, 3.0F}) {
        std::vector<uint64_t> expected;
        for (size_t i = 0; i < count; ++i) {
          const uint64_t entry = EntryOf(costs[i], rows[i]);
          if (entry < bar || costs[i] <= range) expected.push_back(entry);
        }
        std::vector<uint64_t> entries(count + kEntryBlock);
        entries.resize(
            kernels.select(rows.data(), costs.data(), count, bar, range, entries.data()));
        EXPECT_EQ(entries, expected) << kernels.name << " " << count << " " << range;
      }
    }
  }
}

}  // namespace
}  // namespace vecnest::index::kernels
