// What passes a filter, with payload indexes and without: counted, scrolled, selected, searched.
#include <map>

#include "engine/shard.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/random_payloads.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

constexpr uint64_t kPoints = 400;

class ShardFilterTest : public testing::Test {
 protected:
  ShardFilterTest() {
    CollectionConfig config;
    config.vectors["v"] = {2, Metric::kEuclid, {}};
    definition_ = *Definition::Create("c", config);
    store_ = *storage::Store::Open(directory_.path() + "/store");
    log_ = *storage::LocalWriteLog::Open(store_.get());
    storage::Batch batch;
    Shard::AddCreation(definition_, batch);
    EXPECT_TRUE(store_->Write(batch).ok());
    ShardEnvironment environment;
    environment.store = store_.get();
    environment.log = log_.get();
    environment.directory = directory_.path() + "/segments";
    shard_ = *Shard::Open(environment, definition_);
  }

  void Put(uint64_t id, const Json& payload, bool vector) {
    PointChange change;
    change.key = {0, 0, id};
    change.payload = payload.dump();
    if (vector) change.vectors.push_back({0, {}, {}, {static_cast<float>(id), 0}});
    ASSERT_TRUE(shard_
                    ->Write(
                        [&]() -> absl::StatusOr<std::vector<PointChange>> {
                          return std::vector<PointChange>{change};
                        },
                        {}, Durability::kBuffered)
                    .ok());
    payloads_[id] = payload;
    vectors_[id] = vector;
  }

  std::vector<PointId> Expected(const Filter& filter) const {
    const auto matcher = FilterMatcher::Compile(filter);
    std::vector<PointId> ids;
    for (const auto& [id, payload] : payloads_) {
      const bool vector = vectors_.at(id);
      if (matcher->Matches(id, payload,
                           [&](std::string_view name) { return name == "v" && vector; })) {
        ids.emplace_back(id);
      }
    }
    return ids;
  }

  std::vector<PointId> Scrolled(const Filter& filter, std::optional<PointId> start, size_t limit) {
    std::vector<PointId> ids;
    const auto status = shard_->ForEachOrdered(&filter, start, CallLimits{},
                                               [&](const PointId& id, const PointRecord&) {
                                                 ids.push_back(id);
                                                 return ids.size() < limit;
                                               });
    EXPECT_TRUE(status.ok()) << status;
    return ids;
  }

  void ExpectAnswers(const Filter& filter, RandomPayloads& random) {
    const std::vector<PointId> expected = Expected(filter);
    EXPECT_EQ(*shard_->Count(filter, CallLimits{}), expected.size());
    EXPECT_EQ(Scrolled(filter, std::nullopt, kPoints), expected);
    const PointId start = random.Below(kPoints);
    const size_t limit = 1 + random.Below(20);
    std::vector<PointId> page;
    for (const PointId& id : expected) {
      if (id >= start && page.size() < limit) page.push_back(id);
    }
    EXPECT_EQ(Scrolled(filter, start, limit), page);
    std::vector<PointId> selected;
    const auto points = shard_->Select(filter, CallLimits{});
    ASSERT_TRUE(points.ok());
    for (const StoredPoint& point : *points) selected.push_back(point.id);
    EXPECT_THAT(selected, testing::UnorderedElementsAreArray(expected));
    Query query;
    query.filter = filter;
    query.limit = kPoints;
    const auto hits = shard_->Nearest({0, {0, 0}, {}}, query, CallLimits{}, nullptr);
    ASSERT_TRUE(hits.ok());
    std::vector<PointId> found;
    for (const ScoredPoint& hit : *hits) found.push_back(hit.id);
    std::vector<PointId> with_vector = expected;
    std::erase_if(with_vector, [&](const PointId& id) { return !vectors_.at(id.number()); });
    EXPECT_EQ(found, with_vector);
  }

  TemporaryDirectory directory_;
  Definition definition_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::LocalWriteLog> log_;
  std::shared_ptr<Shard> shard_;
  std::map<uint64_t, Json> payloads_;
  std::map<uint64_t, bool> vectors_;
};

TEST_F(ShardFilterTest, AnswersAreThoseOfTheMatcherWhateverIsIndexed) {
  RandomPayloads random(71);
  for (uint64_t id = 0; id < kPoints; ++id) Put(id, random.Payload(), random.Below(4) > 0);
  for (int round = 0; round < 12; ++round) {
    for (int step = 0; step < 40; ++step) ExpectAnswers(random.Random(2), random);
    const std::string& field = RandomPayloads::Fields()[random.Below(5)];
    ASSERT_TRUE(
        shard_->CreatePayloadIndex(field, {kEveryPayloadIndexType[random.Below(7)], "{}"}).ok());
    for (int i = 0; i < 20; ++i) Put(random.Below(kPoints), random.Payload(), true);
  }
}

TEST_F(ShardFilterTest, ThePlanTellsHow) {
  for (uint64_t id = 0; id < 100; ++id) Put(id, {{"k", id % 20}, {"w", id}}, true);
  ASSERT_TRUE(shard_->CreatePayloadIndex("k", {PayloadIndexType::kInteger, "{}"}).ok());
  Query query;
  query.filter.emplace();
  query.filter->must.emplace_back(FieldCondition{"k", MatchCondition{int64_t{3}}});
  QueryPlan plan;
  ASSERT_TRUE(shard_->Nearest({0, {0, 0}, {}}, query, CallLimits{}, &plan).ok());
  EXPECT_EQ(plan.filter_matches, 5u);
  EXPECT_THAT(plan.filter_indexed, testing::ElementsAre("k"));
  EXPECT_THAT(plan.filter_unindexed, testing::IsEmpty());
  EXPECT_EQ(plan.filter_payloads, 0u);
  query.filter->must.emplace_back(FieldCondition{"w", RangeCondition{{}, {}, 50, {}}});
  ASSERT_TRUE(shard_->Nearest({0, {0, 0}, {}}, query, CallLimits{}, &plan).ok());
  EXPECT_EQ(plan.filter_matches, 3u);
  EXPECT_THAT(plan.filter_unindexed, testing::ElementsAre("w"));
  EXPECT_EQ(plan.filter_payloads, 5u);
}

TEST_F(ShardFilterTest, Facets) {
  for (uint64_t id = 0; id < 30; ++id) Put(id, {{"k", id % 3 == 0 ? "x" : "y"}, {"w", id}}, false);
  EXPECT_EQ(shard_->Facet({"k", {}, 10}, CallLimits{}).status().code(),
            absl::StatusCode::kNotFound);
  ASSERT_TRUE(shard_->CreatePayloadIndex("k", {PayloadIndexType::kKeyword, "{}"}).ok());
  auto hits = shard_->Facet({"k", {}, 10}, CallLimits{});
  ASSERT_TRUE(hits.ok());
  ASSERT_EQ(hits->size(), 2u);
  EXPECT_EQ((*hits)[0].count, 20u);
  Filter filter;
  filter.must.emplace_back(FieldCondition{"w", RangeCondition{{}, {}, 3, {}}});
  hits = shard_->Facet({"k", filter, 1}, CallLimits{});
  ASSERT_EQ(hits->size(), 1u);
  EXPECT_EQ(std::get<std::string>((*hits)[0].value), "y");
  EXPECT_EQ((*hits)[0].count, 2u);
}

TEST_F(ShardFilterTest, ABadFilterIsRefused) {
  Filter filter;
  filter.must.emplace_back(FieldCondition{"a[", IsNullCondition{}});
  EXPECT_EQ(shard_->Count(filter, CallLimits{}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Without an index a filter looks at every point, which takes its time where there are many.
TEST_F(ShardFilterTest, CallsEndWhenTheyAreToldTo) {
  for (uint64_t id = 1; id <= kPoints; ++id) Put(id, {{"k", id}}, true);
  Filter filter;
  filter.must.emplace_back(FieldCondition{"k", RangeCondition{}});
  CallLimits limits;
  limits.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  constexpr auto kOver = absl::StatusCode::kDeadlineExceeded;
  EXPECT_EQ(shard_->Count(filter, limits).status().code(), kOver);
  EXPECT_EQ(shard_->Select(filter, limits).status().code(), kOver);
  const auto visit = [](const PointId&, const PointRecord&) { return true; };
  EXPECT_EQ(shard_->ForEachOrdered(&filter, std::nullopt, limits, visit).code(), kOver);
  EXPECT_EQ(shard_->ForEachOrdered(nullptr, std::nullopt, limits, visit).code(), kOver);
  Query query;
  query.filter = filter;
  EXPECT_EQ(shard_->Nearest({0, {0, 0}, {}}, query, limits, nullptr).status().code(), kOver);
  ASSERT_TRUE(shard_->CreatePayloadIndex("f", {PayloadIndexType::kKeyword, "{}"}).ok());
  EXPECT_EQ(shard_->Facet({"f", filter, 10}, limits).status().code(), kOver);
  std::stop_source stop;
  limits = {};
  limits.stop = stop.get_token();
  EXPECT_TRUE(shard_->Count(filter, limits).ok());
  stop.request_stop();
  EXPECT_EQ(shard_->Count(filter, limits).status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace vecnest::engine
