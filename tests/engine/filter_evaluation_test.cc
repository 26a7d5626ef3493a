#include "engine/payload_index/filter_evaluation.h"

#include "engine/filter_match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/random_payloads.h"

namespace vecnest::engine {
namespace {

constexpr PointNumber kPoints = 150;

class FilterEvaluationTest : public testing::Test {
 protected:
  explicit FilterEvaluationTest() { live_.addRange(0, kPoints); }

  void Index(const std::string& field, PayloadIndexType type) {
    auto index = FieldIndex::Create(field, {type, "{}"});
    ASSERT_TRUE(index.ok());
    for (PointNumber number = 0; number < kPoints; ++number) index->Add(number, payloads_[number]);
    fields_.push_back(*std::move(index));
  }
  absl::StatusOr<FilterEvaluation> Evaluate(const Filter& filter) {
    const auto slot_of = [](std::string_view name) {
      return name == "v" ? std::optional<Slot>(0) : std::nullopt;
    };
    const auto numbers_of = [](const std::vector<PointId>& ids) -> absl::StatusOr<Roaring> {
      Roaring numbers;
      for (const PointId& id : ids) {
        if (id.number() < kPoints) numbers.add(static_cast<PointNumber>(id.number()));
      }
      return numbers;
    };
    return EvaluateFilter(filter, {live_, fields_, with_vectors_, slot_of, numbers_of});
  }

  Roaring live_;
  const Roaring with_vector_ = Roaring::bitmapOf(3, 1, 2, 77);
  const std::vector<Roaring> with_vectors_ = {with_vector_};
  std::vector<Json> payloads_ = std::vector<Json>(kPoints);
  std::vector<FieldIndex> fields_;
};

TEST_F(FilterEvaluationTest, AgreesWithTheMatcherOnAnyFilter) {
  RandomPayloads random(31);
  for (int round = 0; round < 30; ++round) {
    for (Json& payload : payloads_) payload = random.Payload();
    fields_.clear();
    for (const std::string& field : RandomPayloads::Fields()) {
      if (random.Below(4) == 0) continue;
      Index(field, kEveryPayloadIndexType[random.Below(std::size(kEveryPayloadIndexType))]);
    }
    for (int step = 0; step < 200; ++step) {
      const Filter filter = random.Random(2);
      const auto matcher = FilterMatcher::Compile(filter);
      ASSERT_TRUE(matcher.ok());
      const auto evaluation = Evaluate(filter);
      ASSERT_TRUE(evaluation.ok());
      for (PointNumber number = 0; number < kPoints; ++number) {
        const bool passes = matcher->Matches(number, payloads_[number], [&](std::string_view name) {
          return name == "v" && with_vector_.contains(number);
        });
        ASSERT_TRUE(!evaluation->selection.certain.contains(number) || passes) << payloads_[number];
        ASSERT_TRUE(!passes || evaluation->selection.possible.contains(number))
            << payloads_[number];
      }
    }
  }
}

TEST_F(FilterEvaluationTest, NamesTheFieldsAndAnswersExactly) {
  for (PointNumber i = 0; i < kPoints; ++i) {
    payloads_[i] = {{"a", i % 3 == 0 ? "x" : "y"}, {"n", i}, {"b", {{{"c", i % 5}}}}};
  }
  Index("a", PayloadIndexType::kKeyword);
  Index("n", PayloadIndexType::kInteger);
  Index("b[].c", PayloadIndexType::kInteger);
  Filter filter;
  filter.must.emplace_back(FieldCondition{"a", MatchCondition{std::string("x")}});
  filter.must.emplace_back(FieldCondition{"n", RangeCondition{{}, {}, 30, {}}});
  auto evaluation = Evaluate(filter);
  ASSERT_TRUE(evaluation.ok());
  EXPECT_TRUE(evaluation->selection.exact());
  EXPECT_EQ(evaluation->selection.certain.cardinality(), 10u);
  EXPECT_THAT(evaluation->indexed, testing::ElementsAre("a", "n"));
  EXPECT_THAT(evaluation->unindexed, testing::IsEmpty());

  auto inner = std::make_shared<Filter>();
  inner->must.emplace_back(FieldCondition{"c", MatchCondition{int64_t{2}}});
  inner->must.emplace_back(FieldCondition{"d", IsNullCondition{}});
  Filter nested;
  nested.must.emplace_back(NestedCondition{"b[]", inner});
  evaluation = Evaluate(nested);
  EXPECT_EQ(evaluation->selection.possible.cardinality(), kPoints / 5);
  EXPECT_THAT(evaluation->indexed, testing::ElementsAre("b[].c"));
  EXPECT_THAT(evaluation->unindexed, testing::ElementsAre("b[].d"));
}

TEST_F(FilterEvaluationTest, ErrorsArePassedOn) {
  Filter filter;
  filter.must.emplace_back(HasIdCondition{{1}});
  const auto failed =
      EvaluateFilter(filter, {live_, fields_, with_vectors_,
                              [](std::string_view) -> std::optional<Slot> { return 0; },
                              [](const std::vector<PointId>&) -> absl::StatusOr<Roaring> {
                                return absl::DataLossError("damaged");
                              }});
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace vecnest::engine
