#include "engine/payload_index/field_index.h"

#include "engine/filter_match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/random_payloads.h"

namespace vecnest::engine {
namespace {

constexpr PointNumber kPoints = 200;

std::string Bytes(const FieldIndex& index) {
  ByteWriter writer;
  index.Encode(writer);
  return writer.Take();
}

class FieldIndexTest : public testing::TestWithParam<PayloadIndexType> {
 protected:
  FieldIndex Fresh(const std::string& field, const std::vector<Json>& payloads) {
    auto index = FieldIndex::Create(field, {GetParam(), "{}"});
    EXPECT_TRUE(index.ok());
    for (PointNumber number = 0; number < payloads.size(); ++number) {
      index->Add(number, payloads[number]);
    }
    return *std::move(index);
  }
};

// Every test of a field, against the matcher: what is certain passes, what passes is possible.
TEST_P(FieldIndexTest, AgreesWithTheMatcher) {
  RandomPayloads random(17);
  Roaring live;
  live.addRange(0, kPoints);
  size_t served = 0;
  for (int round = 0; round < 40; ++round) {
    std::vector<Json> payloads(kPoints);
    for (Json& payload : payloads) payload = random.Payload();
    const std::string& field =
        RandomPayloads::Fields()[random.Below(RandomPayloads::Fields().size())];
    const FieldIndex index = Fresh(field, payloads);
    for (int step = 0; step < 60; ++step) {
      FieldCondition condition = random.Field();
      condition.key = field;
      Filter filter;
      filter.must.emplace_back(condition);
      const auto matcher = FilterMatcher::Compile(filter);
      ASSERT_TRUE(matcher.ok());
      const auto selection = index.Evaluate(condition.test, live);
      if (!selection) continue;
      ++served;
      EXPECT_GE(index.Estimate(condition.test, live), selection->certain.cardinality());
      for (PointNumber number = 0; number < kPoints; ++number) {
        const bool passes =
            matcher->Matches(number, payloads[number], [](std::string_view) { return false; });
        ASSERT_TRUE(!selection->certain.contains(number) || passes)
            << field << " " << condition.test.index() << " " << payloads[number];
        ASSERT_TRUE(!passes || selection->possible.contains(number))
            << field << " " << condition.test.index() << " " << payloads[number];
      }
    }
  }
  EXPECT_GT(served, 100u);
}

TEST_P(FieldIndexTest, ChangesLeadWhereAFreshBuildDoes) {
  RandomPayloads random(23);
  for (const std::string& field : RandomPayloads::Fields()) {
    std::vector<Json> payloads(kPoints);
    for (Json& payload : payloads) payload = random.Payload();
    FieldIndex index = Fresh(field, payloads);
    for (int step = 0; step < 300; ++step) {
      const auto number = static_cast<PointNumber>(random.Below(kPoints));
      const Json payload = random.Payload();
      index.Change(number, index.Terms(payloads[number]), index.Terms(payload));
      payloads[number] = payload;
    }
    Roaring dirty;
    dirty.addRange(50, 90);
    index.RemoveAll(dirty);
    for (const PointNumber number : dirty) index.Add(number, payloads[number]);
    ASSERT_TRUE(index == Fresh(field, payloads)) << field;
    const std::string bytes = Bytes(index);
    ByteReader reader(bytes, "index");
    const auto decoded = FieldIndex::Decode(reader);
    ASSERT_TRUE(decoded.ok() && reader.Finish().ok());
    EXPECT_TRUE(*decoded == index);
    EXPECT_EQ(decoded->points(), index.points());
  }
}

INSTANTIATE_TEST_SUITE_P(Types, FieldIndexTest, testing::ValuesIn(kEveryPayloadIndexType),
                         [](const auto& tested) {
                           return std::string(PayloadIndexTypeName(tested.param));
                         });

TEST(FieldIndexFacetTest, CountsPointsByValue) {
  auto index = *FieldIndex::Create("k", {PayloadIndexType::kKeyword, "{}"});
  index.Add(0, Json::parse(R"({"k": ["x", "y", "x"]})"));
  index.Add(1, Json::parse(R"({"k": "y"})"));
  index.Add(2, Json::parse(R"({"k": ["z", 5]})"));
  const auto hits = index.Facet(nullptr, 2);
  ASSERT_TRUE(hits.ok());
  ASSERT_EQ(hits->size(), 2u);
  EXPECT_EQ(std::get<std::string>((*hits)[0].value), "y");
  EXPECT_EQ((*hits)[0].count, 2u);
  EXPECT_EQ(std::get<std::string>((*hits)[1].value), "x");
  const Roaring among = Roaring::bitmapOf(2, 1, 2);
  EXPECT_EQ(index.Facet(&among, 10)->size(), 2u);
  auto numbers = *FieldIndex::Create("k", {PayloadIndexType::kInteger, "{}"});
  numbers.Add(0, Json::parse(R"({"k": [1, 1, -2]})"));
  numbers.Add(1, Json::parse(R"({"k": 1})"));
  const auto counted = numbers.Facet(nullptr, 10);
  EXPECT_EQ(std::get<int64_t>((*counted)[0].value), 1);
  EXPECT_EQ((*counted)[0].count, 2u);
  EXPECT_EQ((*counted)[1].count, 1u);
  auto texts = *FieldIndex::Create("k", {PayloadIndexType::kText, "{}"});
  EXPECT_EQ(texts.Facet(nullptr, 10).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldIndex::Create("k[", {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace vecnest::engine
