#include "index/neighbour_search.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "index/row_distance.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr uint32_t kRows = 600;
constexpr size_t kWidth = 128;

// In memory that holds all lists; what is asked for is not used.
struct Links {
  const std::vector<std::vector<uint32_t>>& lists;

  absl::Span<const uint32_t> Of(uint32_t row, std::vector<uint32_t>& copy) const {
    copy = lists[row];
    return copy;
  }
  void Prefetch(uint32_t /*row*/) const {}
};

template <class Distance>
std::vector<WalkedRow> Others(const Distance& distance, uint32_t row) {
  std::vector<WalkedRow> others;
  for (uint32_t other = 0; other < kRows; ++other) {
    if (other != row) others.push_back({distance(row, other), other});
  }
  std::sort(others.begin(), others.end());
  return others;
}

class NeighbourSearchTest : public ::testing::Test {
 protected:
  // Each row and its nearest twelve link to each other, and to its successor each, by which all can
  // be got to.
  void SetUp() override {
    for (uint32_t row = 0; row < kRows; ++row) {
      const std::vector<WalkedRow> others = Others(distance_, row);
      for (size_t i = 0; i < 12; ++i) {
        Link(row, others[i].row);
        Link(others[i].row, row);
      }
      Link(row, (row + 1) % kRows);
    }
  }

  void Link(uint32_t from, uint32_t to) {
    if (std::count(lists_[from].begin(), lists_[from].end(), to) == 0) lists_[from].push_back(to);
  }

  std::vector<WalkedRow> Find(uint32_t row, const std::vector<uint32_t>& starts, size_t places) {
    search_.Find(distance_, kRows, row, starts, places, Links{lists_}, found_);
    return found_;
  }

  // Algorithm 2 of Malkov & Yashunin 2016.
  std::vector<WalkedRow> OneByOne(uint32_t row, size_t places) const {
    std::set<uint32_t> met = {row};
    std::set<WalkedRow> candidates;
    std::set<WalkedRow> found;
    const auto offer = [&](uint32_t other) {
      if (!met.insert(other).second) return;
      candidates.insert({distance_(row, other), other});
      found.insert({distance_(row, other), other});
      if (found.size() > places) found.erase(std::prev(found.end()));
    };
    for (const uint32_t start : lists_[row]) offer(start);
    while (!candidates.empty() && *candidates.begin() <= *found.rbegin()) {
      const uint32_t next = candidates.begin()->row;
      candidates.erase(candidates.begin());
      for (const uint32_t other : lists_[next]) offer(other);
    }
    return {found.begin(), found.end()};
  }

  testing::Block block_{testing::Clustered(kRows, kWidth, 1)};
  const CodeDistance distance_{block_.Codes({4, true}), block_.View(), Metric::kCosine};
  std::vector<std::vector<uint32_t>> lists_{kRows};
  NeighbourSearch<CodeDistance> search_;
  std::vector<WalkedRow> found_;
};

TEST_F(NeighbourSearchTest, WithAPlaceForEachFindsAllInOrder) {
  for (const uint32_t row : {0U, 77U, 599U}) {
    EXPECT_EQ(Find(row, {(row + 300) % kRows}, kRows), Others(distance_, row)) << row;
  }
}

// As by the paper, which expands one row at a time.
TEST_F(NeighbourSearchTest, FindsAsManyOfTheNearestAsOneByOne) {
  size_t hits = 0;
  size_t plain_hits = 0;
  for (uint32_t row = 0; row < kRows; row += 10) {
    const std::vector<WalkedRow> expected = Others(distance_, row);
    const auto near = [&](const WalkedRow& found) { return found <= expected[39]; };
    const std::vector<WalkedRow> plain = OneByOne(row, 40);
    plain_hits += static_cast<size_t>(std::count_if(plain.begin(), plain.end(), near));
    for (const size_t places : {1U, 5U, 40U}) {
      EXPECT_EQ(Find(row, lists_[row], places).size(), places);
    }
    EXPECT_TRUE(std::is_sorted(found_.begin(), found_.end()));
    hits += static_cast<size_t>(std::count_if(found_.begin(), found_.end(), near));
  }
  EXPECT_GT(plain_hits, 60 * 40 * 85 / 100);
  EXPECT_GE(hits, plain_hits - 60 * 40 / 100);
}

TEST_F(NeighbourSearchTest, StartsThatAreFartherComeAfterWhatWasFound) {
  constexpr uint32_t kRow = 5;
  const std::vector<WalkedRow> others = Others(distance_, kRow);
  const std::vector<uint32_t> starts = {others[500].row, others[0].row, others[400].row,
                                        others[2].row};
  std::vector<WalkedRow> found = Find(kRow, starts, 4);
  ASSERT_EQ(found, std::vector<WalkedRow>(others.begin(), others.begin() + 4));
  search_.AddStarts(found);
  ASSERT_EQ(found.size(), 6);
  EXPECT_EQ(found[4], others[400]);
  EXPECT_EQ(found[5], others[500]);
}

TEST_F(NeighbourSearchTest, OfEqualVectorsThoseMetFirstStay) {
  testing::Matrix points = testing::Clustered(kRows, kWidth, 1);
  for (size_t row = 1; row < 300; ++row) {
    std::copy_n(points.Row(0).data(), kWidth, &points.values[row * kWidth]);
  }
  testing::Block block(points);
  const CodeDistance distance(block.Codes({4, true}), block.View(), Metric::kCosine);
  const std::vector<std::vector<uint32_t>> lists(kRows, {1, 2, 3, 4, 5, 6});
  search_.Find(distance, kRows, 400, {200, 210, 220}, 3, Links{lists}, found_);
  std::vector<uint32_t> rows;
  for (const WalkedRow& row : found_) rows.push_back(row.row);
  EXPECT_EQ(rows, (std::vector<uint32_t>{200, 210, 220}));
}

TEST_F(NeighbourSearchTest, FromNowhereFindsNothing) {
  EXPECT_TRUE(Find(5, {}, 10).empty());
  EXPECT_TRUE(Find(5, {5}, 10).empty()) << "the row itself";
  search_.AddStarts(found_);
  EXPECT_TRUE(found_.empty());
}

}  // namespace
}  // namespace vecnest::index
