#include "engine/slot_index.h"

#include <cmath>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

constexpr int kWidth = 6;

// A reflection, which is its own inverse: I - 2 n n^T / (n . n).
std::shared_ptr<const embedder::Adaptor> Reflection() {
  const std::vector<float> normal = {1, 2, -1, 0.5F, 3, 1};
  double squared = 0;
  for (const float value : normal) squared += double{value} * value;
  embedder::AdaptorParameters parameters;
  parameters.dimensions = kWidth;
  for (int i = 0; i < kWidth; ++i) {
    for (int j = 0; j < kWidth; ++j) {
      const double identity = i == j ? 1 : 0;
      parameters.rotation.push_back(
          static_cast<float>(identity - 2 * double{normal[i]} * normal[j] / squared));
    }
  }
  parameters.scales.assign(kWidth, 1.5F);
  parameters.method = "rotation";
  parameters.samples = 1;
  auto adaptor = embedder::Adaptor::Create(parameters);
  EXPECT_TRUE(adaptor.ok()) << adaptor.status();
  return *adaptor;
}

class SlotIndexTest : public ::testing::Test {
 protected:
  std::shared_ptr<SlotIndex> Open(std::shared_ptr<const embedder::Adaptor> adaptor,
                                  index::ValueFormat values = index::ValueFormat::kF32) {
    index::IndexConfig config;
    config.dimensions = kWidth;
    config.metric = index::Metric::kEuclid;
    config.values = values;
    auto opened = SlotIndex::Open(directory_.path() + "/" + std::to_string(++opened_), config, {},
                                  std::move(adaptor));
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened->index;
  }

  std::vector<float> Random() {
    std::normal_distribution<float> normal;
    std::vector<float> vector(kWidth);
    for (float& value : vector) value = normal(random_);
    return vector;
  }

  const TemporaryDirectory directory_;
  int opened_ = 0;
  std::mt19937 random_{4};
};

TEST_F(SlotIndexTest, AnswersAreThoseWithoutAdaptor) {
  const auto plain = Open(nullptr);
  const auto adapted = Open(Reflection());
  for (index::Label label = 1; label <= 50; ++label) {
    const std::vector<float> vector = Random();
    ASSERT_TRUE(plain->Add(label, {0, 0, label}, 0, vector).ok());
    ASSERT_TRUE(adapted->Add(label, {0, 0, label}, 0, vector).ok());
  }
  const std::vector<float> query = Random();
  for (const index::Metric metric :
       {index::Metric::kEuclid, index::Metric::kCosine, index::Metric::kDot}) {
    const index::SearchParams params{.k = 50, .metric = metric};
    const auto expected = plain->Search(query, params, nullptr);
    const auto answer = adapted->Search(query, params, nullptr);
    ASSERT_TRUE(expected.ok() && answer.ok());
    ASSERT_EQ(answer->size(), expected->size());
    for (size_t i = 0; i < answer->size(); ++i) {
      EXPECT_EQ((*answer)[i].label, (*expected)[i].label);
      EXPECT_NEAR((*answer)[i].score, (*expected)[i].score, 1e-5);
    }
  }
  // Not the vectors as they came: those of the reflection.
  EXPECT_NE(adapted->index().Get(1)->vector, plain->index().Get(1)->vector);
}

TEST_F(SlotIndexTest, RefusesWhatARotationDoesNotKeep) {
  const index::SearchParams params{.metric = index::Metric::kManhattan};
  EXPECT_TRUE(Open(nullptr)->Search(Random(), params, nullptr).ok());
  const auto refused = Open(Reflection())->Search(Random(), params, nullptr);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()), testing::HasSubstr("Manhattan"));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Open(Reflection())->Search(std::vector<float>(3), {}, nullptr).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Open(Reflection())->Add(1, {}, 0, std::vector<float>(3))));
}

TEST_F(SlotIndexTest, AnAdaptorOfAnotherWidthIsDamage) {
  index::IndexConfig config;
  config.dimensions = kWidth + 1;
  EXPECT_TRUE(
      absl::IsDataLoss(SlotIndex::Open(directory_.path(), config, {}, Reflection()).status()));
}

TEST_F(SlotIndexTest, KnowsItsVectorsAgain) {
  for (const auto values : {index::ValueFormat::kF32, index::ValueFormat::kF16}) {
    for (const auto& adaptor : {std::shared_ptr<const embedder::Adaptor>(), Reflection()}) {
      const auto slot = Open(adaptor, values);
      std::vector<float> vector = Random();
      index::RoundTo(values, absl::MakeSpan(vector));
      ASSERT_TRUE(slot->Add(1, {}, 0, vector).ok());
      const std::vector<float> indexed = slot->index().Get(1)->vector;
      EXPECT_TRUE(slot->Matches(indexed, vector));
      vector[2] += 0.1F;
      EXPECT_FALSE(slot->Matches(indexed, vector));
      EXPECT_FALSE(slot->Matches(indexed, std::vector<float>(3)));
    }
  }
}

TEST_F(SlotIndexTest, CodesAreOfEightBitsOnPrincipalAxesUnlessChosen) {
  constexpr int kWide = 256;
  embedder::AdaptorParameters parameters;
  parameters.dimensions = kWide;
  parameters.rotation.assign(kWide * kWide, 0);
  for (int i = 0; i < kWide; ++i) parameters.rotation[i * kWide + i] = 1;
  parameters.scales.assign(kWide, 1);
  parameters.method = "rotation";
  const auto identity = *embedder::Adaptor::Create(parameters);
  const auto bytes_of = [&](std::shared_ptr<const embedder::Adaptor> adaptor, int bits) {
    index::IndexConfig config;
    config.dimensions = kWide;
    config.code_bits = bits;
    const auto opened = SlotIndex::Open(directory_.path() + "/" + std::to_string(++opened_), config,
                                        {}, std::move(adaptor));
    std::normal_distribution<float> normal;
    std::vector<float> vector(kWide);
    for (index::Label label = 1; label <= 20; ++label) {
      for (float& value : vector) value = normal(random_);
      EXPECT_TRUE(opened->index->Add(label, {0, 0, label}, 0, vector).ok());
    }
    EXPECT_TRUE(opened->index->index().SealAll().ok());
    const size_t walked = opened->index->index().Stats().walked_bytes;
    opened->index->SetCodeBits(bits);
    EXPECT_FALSE(opened->index->index().NeedsMaintenance());
    return walked;
  };
  EXPECT_EQ(bytes_of(identity, 0), bytes_of(nullptr, 8));
  EXPECT_EQ(bytes_of(nullptr, 0), bytes_of(nullptr, 4));
  EXPECT_EQ(bytes_of(identity, 4), bytes_of(nullptr, 4));
}

TEST_F(SlotIndexTest, SegmentsAreAppendedAdapted) {
  const auto slot = Open(Reflection());
  const std::vector<std::vector<float>> vectors = {Random(), Random(), Random()};
  const std::vector<index::Entry> entries = {
      {5, {0, 0, 1}, 0, {}}, {7, {0, 0, 2}, 1, {}}, {9, {0, 0, 3}, 2, {}}};
  const auto vector_of = [&](const index::Entry& entry) -> absl::StatusOr<absl::Span<const float>> {
    return absl::Span<const float>(vectors[entry.number]);
  };
  ASSERT_TRUE(slot->AppendSegment(entries, vector_of, nullptr, nullptr).ok());
  for (const index::Entry& entry : entries) {
    EXPECT_TRUE(slot->Matches(slot->index().Get(entry.label)->vector, vectors[entry.number]));
  }
}

}  // namespace
}  // namespace vecnest::engine
