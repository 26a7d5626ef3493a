#include "engine/payload_index/payload_indexes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/random_payloads.h"

namespace vecnest::engine {
namespace {

PointRecord Record(PointNumber number, const std::string& payload, bool vector = true) {
  PointRecord record;
  record.number = number;
  record.payload = payload;
  if (vector) record.labels.push_back({0, 1});
  return record;
}

class PayloadIndexesTest : public testing::Test {
 protected:
  static void Index(PayloadIndexes& indexes, const std::string& field, PayloadIndexType type) {
    auto index = FieldIndex::Create(field, {type, "{}"});
    ASSERT_TRUE(index.ok());
    indexes.AddField(*std::move(index));
  }
  static void IndexAll(PayloadIndexes& indexes) {
    Index(indexes, "d", PayloadIndexType::kInteger);
    Index(indexes, "a", PayloadIndexType::kKeyword);
    Index(indexes, "b.c", PayloadIndexType::kText);
  }
  static uint64_t Certain(const PayloadIndexes& indexes, const FieldCondition& condition) {
    Filter filter;
    filter.must.emplace_back(condition);
    const auto evaluation = indexes.Evaluate(
        filter, [](std::string_view) { return std::optional<Slot>(0); },
        [](const std::vector<PointId>&) -> absl::StatusOr<Roaring> { return Roaring(); });
    EXPECT_TRUE(evaluation.ok());
    return evaluation->selection.certain.cardinality();
  }
};

// Writes and a reload of what they touched, however far the indexes had got, lead to the same.
TEST_F(PayloadIndexesTest, AReloadLeadsWhereTheWritesDo) {
  RandomPayloads random(41);
  PayloadIndexes all(1);
  IndexAll(all);
  std::map<uint64_t, PointRecord> stored;
  std::string checkpoint;
  Roaring dirty;
  std::set<uint64_t> dirty_ids;
  for (int step = 0; step < 3000; ++step) {
    const uint64_t id = random.Below(80);
    const auto found = stored.find(id);
    const std::optional<PointRecord> old =
        found == stored.end() ? std::nullopt : std::optional(found->second);
    TouchedPoint touched{{0, 0, id}, old ? old->number : all.NextFree(1)[0], old, std::nullopt};
    if (old && random.Below(3) == 0) {
      stored.erase(id);
    } else {
      touched.now = Record(touched.number, random.Payload().dump(), random.Below(3) > 0);
      stored[id] = *touched.now;
    }
    dirty.add(touched.number);
    dirty_ids.insert(id);
    ASSERT_TRUE(all.Apply({touched}).ok());
    if (random.Below(50) == 0) {
      if (!checkpoint.empty()) {
        PayloadIndexes restored(1);
        const auto sequence = restored.Decode(checkpoint);
        ASSERT_TRUE(sequence.ok()) << sequence.status();
        std::vector<PayloadIndexes::StoredNumber> points;
        for (const uint64_t one : dirty_ids) {
          if (stored.contains(one)) points.push_back({{0, 0, one}, stored[one]});
        }
        ASSERT_TRUE(restored.Reload(dirty, points).ok());
        ASSERT_EQ(restored.DifferenceFrom(all), "");
      }
      checkpoint = all.Encode(static_cast<storage::Sequence>(step));
      dirty = Roaring();
      dirty_ids.clear();
    }
  }
  PayloadIndexes fresh(1);
  IndexAll(fresh);
  for (const auto& [id, record] : stored) {
    ASSERT_TRUE(fresh.Reload({}, {{{0, 0, id}, record}}).ok());
  }
  EXPECT_EQ(fresh.DifferenceFrom(all), "");
  Index(fresh, "a", PayloadIndexType::kFloat);
  EXPECT_EQ(fresh.DifferenceFrom(all), "the payload index of 'a'");
  fresh.RemoveField("a");
  EXPECT_EQ(fresh.DifferenceFrom(all), "the number of payload indexes");
}

TEST_F(PayloadIndexesTest, TellsKeysFacetsAndSizes) {
  PayloadIndexes indexes(1);
  Index(indexes, "a", PayloadIndexType::kKeyword);
  const TouchedPoint one{{0, 0, 9}, 0, std::nullopt, Record(0, R"({"a":"x"})")};
  const TouchedPoint two{{1, 5, 6}, 1, std::nullopt, Record(1, R"({"a":2})", false)};
  ASSERT_TRUE(indexes.Apply({one, two}).ok());
  EXPECT_EQ(indexes.WithVector(0, Roaring::bitmapOf(2, 0, 1)).cardinality(), 1u);
  EXPECT_THAT(indexes.KeysOf(Roaring::bitmapOf(2, 1, 7)),
              testing::ElementsAre(NumberedKey({1, 5, 6}, 1)));
  EXPECT_EQ(Certain(indexes, {"a", MatchCondition{std::string("x")}}), 1u);
  EXPECT_EQ(indexes.Describe().at("a").points, 1u);
  EXPECT_GT(indexes.MemoryBytes(), 0u);
  EXPECT_EQ(indexes.Facet("a", nullptr, 5)->size(), 1u);
  EXPECT_EQ(indexes.Facet("b", nullptr, 5).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(indexes.RemoveField("a"));
  EXPECT_FALSE(indexes.RemoveField("a"));
  indexes.Clear();
  EXPECT_THAT(indexes.NextFree(1), testing::ElementsAre(0));
}

TEST_F(PayloadIndexesTest, OnlyTheWholeCheckpointDecodes) {
  PayloadIndexes indexes(1);
  IndexAll(indexes);
  RandomPayloads random(3);
  for (PointNumber number = 0; number < 20; ++number) {
    ASSERT_TRUE(
        indexes
            .Apply(
                {{{0, 0, number}, number, std::nullopt, Record(number, random.Payload().dump())}})
            .ok());
  }
  const std::string bytes = indexes.Encode(77);
  PayloadIndexes decoded(1);
  EXPECT_EQ(*decoded.Decode(bytes), 77u);
  EXPECT_EQ(decoded.DifferenceFrom(indexes), "");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(decoded.Decode(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_FALSE(decoded.Decode(bytes + "x").ok());
  PayloadIndexes of_others(2);
  EXPECT_FALSE(of_others.Decode(bytes).ok());
}

}  // namespace
}  // namespace vecnest::engine
