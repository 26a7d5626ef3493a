#include "engine/payload_index/selection.h"

#include <random>

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

constexpr uint32_t kPoints = 64;

// A truth for every point, and what might be known of it.
struct Known {
  Roaring truth;
  Selection selection;
};

Known Draw(std::mt19937& random) {
  Known known;
  for (uint32_t point = 0; point < kPoints; ++point) {
    const bool holds = random() % 2 == 0;
    const bool sure = random() % 3 != 0;
    if (holds) known.truth.add(point);
    if (holds && sure) known.selection.certain.add(point);
    if (holds || !sure) known.selection.possible.add(point);
  }
  return known;
}

void ExpectAround(const Selection& selection, const Roaring& truth) {
  EXPECT_TRUE(selection.certain.isSubset(truth));
  EXPECT_TRUE(truth.isSubset(selection.possible));
}

TEST(SelectionTest, CombinationsStayAroundTheTruth) {
  std::mt19937 random(2);
  Roaring live;
  live.addRange(0, kPoints);
  for (int step = 0; step < 200; ++step) {
    const std::vector<Known> known = {Draw(random), Draw(random), Draw(random)};
    Selection both = known[0].selection;
    And(both, known[1].selection);
    ExpectAround(both, known[0].truth & known[1].truth);
    Selection either = known[0].selection;
    Or(either, known[1].selection);
    ExpectAround(either, known[0].truth | known[1].truth);
    ExpectAround(Not(known[0].selection, live), live - known[0].truth);
    const std::vector<Selection> selections = {known[0].selection, known[1].selection,
                                               known[2].selection};
    for (size_t count = 1; count <= 4; ++count) {
      Roaring truth;
      for (uint32_t point = 0; point < kPoints; ++point) {
        size_t having = 0;
        for (const Known& one : known) having += one.truth.contains(point) ? 1 : 0;
        if (having >= count) truth.add(point);
      }
      ExpectAround(AtLeast(selections, count), truth);
    }
  }
}

TEST(SelectionTest, WhatIsKnownExactlyStaysSo) {
  const Selection some = Selection::Exactly(Roaring::bitmapOf(2, 1, 2));
  EXPECT_TRUE(some.exact());
  Roaring live;
  live.addRange(0, kPoints);
  EXPECT_TRUE(Not(some, live).exact());
  EXPECT_FALSE(Selection::Unknown(live).exact());
}

}  // namespace
}  // namespace vecnest::engine
