#include "engine/effects.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr storage::Sequence kSequence = 9;
constexpr PointNumber kNumber = 17;
const storage::PointKey kPoint = {0, 0, 5};

class EffectsTest : public testing::Test {
 protected:
  EffectsTest() : store_(*storage::Store::Open(directory_.path())) {}

  // Adds the change at position 2 and writes its records.
  void Apply(const PointChange& change, const std::optional<PointRecord>& old) {
    storage::Batch batch;
    effects_.Add(collection_, kSequence, 2, change, old, kNumber, batch);
    ASSERT_TRUE(store_->Write(batch).ok());
  }
  std::optional<PointRecord> Stored() {
    const auto value =
        store_->Get(storage::Family::kPoints, storage::PointsKey(collection_, kPoint));
    if (!value.ok() || !value->has_value()) return std::nullopt;
    return *PointRecord::Decode(**value);
  }
  std::optional<VectorRecord> StoredVector(Slot slot) {
    const auto value =
        store_->Get(storage::Family::kVectors, storage::VectorsKey(collection_, kPoint, slot));
    if (!value.ok() || !value->has_value()) return std::nullopt;
    return *VectorRecord::Decode(**value);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  const storage::CollectionId collection_ = {1};
  Effects effects_;
};

const index::Label kLabel = MakeLabel(kSequence, 2);

TEST_F(EffectsTest, ANewPoint) {
  const PointChange change = {
      kPoint, PointChange::Kind::kReplace, R"({"a":1})", {{1, "text", std::nullopt, {3, 4}}}, {}};
  Apply(change, std::nullopt);
  EXPECT_EQ(effects_.points, 1);
  EXPECT_THAT(effects_.dead, IsEmpty());
  ASSERT_EQ(effects_.added.size(), 1u);
  EXPECT_EQ(effects_.added[0].label, kLabel);
  EXPECT_EQ(effects_.added[0].number, kNumber);
  EXPECT_EQ(Stored()->number, kNumber);
  EXPECT_EQ(effects_.added[0].vector, &change.vectors[0].vector);
  EXPECT_EQ(Stored()->version, kSequence);
  EXPECT_EQ(Stored()->payload, R"({"a":1})");
  EXPECT_THAT(Stored()->labels, ElementsAre(SlotLabel{1, kLabel}));
  EXPECT_EQ(StoredVector(1)->text, "text");
}

TEST_F(EffectsTest, AReplacementDropsWhatItDoesNotName) {
  Apply({kPoint, PointChange::Kind::kReplace, "{}", {{0, {}, {}, {1}}, {1, {}, {}, {2}}}, {}},
        std::nullopt);
  const PointRecord old = *Stored();
  effects_ = {};
  Apply({kPoint, PointChange::Kind::kReplace, "{}", {{1, {}, {}, {7}}}, {}}, old);
  EXPECT_EQ(effects_.points, 0);
  EXPECT_THAT(effects_.dead, ElementsAre(old.labels[0], old.labels[1]));
  EXPECT_FALSE(StoredVector(0).has_value());
  EXPECT_EQ(StoredVector(1)->vector, std::vector<float>{7});
}

TEST_F(EffectsTest, APatchKeepsTheRest) {
  const PointRecord old = {3, {{0, 10}, {1, 11}, {2, 12}}, R"({"kept":true})"};
  Apply({kPoint, PointChange::Kind::kPatch, std::nullopt, {{1, {}, {}, {7}}}, {2}}, old);
  EXPECT_EQ(effects_.points, 0);
  EXPECT_THAT(effects_.dead, ElementsAre(SlotLabel{1, 11}, SlotLabel{2, 12}));
  EXPECT_EQ(Stored()->payload, old.payload);
  EXPECT_THAT(Stored()->labels, ElementsAre(SlotLabel{0, 10}, SlotLabel{1, kLabel}));
}

TEST_F(EffectsTest, ADeletion) {
  Apply({kPoint, PointChange::Kind::kReplace, "{}", {{0, {}, {}, {1}}}, {}}, std::nullopt);
  const PointRecord old = *Stored();
  effects_ = {};
  Apply({kPoint, PointChange::Kind::kDelete, std::nullopt, {}, {}}, old);
  EXPECT_EQ(effects_.points, -1);
  EXPECT_EQ(effects_.dead, old.labels);
  EXPECT_EQ(effects_.Numbered(), std::vector<NumberedKey>({{kPoint, kNumber}}));
  EXPECT_FALSE(Stored().has_value());
  EXPECT_FALSE(StoredVector(0).has_value());
}

// A replay adds the command's vectors whatever is stored, so what came too late must be dead.
TEST_F(EffectsTest, AChangeOfAPointThatIsGone) {
  Apply({kPoint, PointChange::Kind::kPatch, std::nullopt, {{0, {}, {}, {1}}}, {}}, std::nullopt);
  EXPECT_EQ(effects_.points, 0);
  EXPECT_THAT(effects_.added, IsEmpty());
  EXPECT_THAT(effects_.dead, ElementsAre(SlotLabel{0, kLabel}));
  EXPECT_FALSE(Stored().has_value());
}

}  // namespace
}  // namespace vecnest::engine
