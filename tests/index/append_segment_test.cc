// VectorIndex::AppendSegment: many vectors at once, without the growing segment.
#include <atomic>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "index/vector_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

constexpr size_t kWidth = 32;
constexpr size_t kCount = 3000;

class AppendSegmentTest : public ::testing::Test {
 protected:
  AppendSegmentTest() {
    config_.dimensions = kWidth;
    index_ = std::move(VectorIndex::Open(directory_.path(), config_, {})->index);
    for (size_t row = 0; row < kCount; ++row) {
      entries_.push_back({2 * row + 2, testing::KeyOf(row + 1), static_cast<PointNumber>(row), {}});
    }
  }

  VectorIndex::VectorOf VectorOf() { return vector_of_; }

  const std::function<absl::StatusOr<absl::Span<const float>>(const Entry&)> vector_of_ =
      [this](const Entry& entry) -> absl::StatusOr<absl::Span<const float>> {
    if (entry.number == broken_) return absl::DataLossError("unreadable");
    return points_.Row(entry.number);
  };
  const testing::Matrix points_ = testing::Clustered(kCount, kWidth, 1);
  const TemporaryDirectory directory_;
  PointNumber broken_ = kCount;
  IndexConfig config_;
  std::vector<Entry> entries_;
  std::unique_ptr<VectorIndex> index_;
};

TEST_F(AppendSegmentTest, VectorsHaveTheirGraphAtOnce) {
  std::atomic<size_t> linked = 0;
  ASSERT_TRUE(index_->AppendSegment(entries_, VectorOf(), nullptr, &linked).ok());
  EXPECT_EQ(linked, kCount - 1);  // the graph begins at the first
  const IndexStats stats = index_->Stats();
  EXPECT_EQ(stats.live, kCount);
  EXPECT_EQ(stats.growing, 0U);
  EXPECT_EQ(stats.sealed_segments, 1U);
  EXPECT_TRUE(stats.unit_norm);
  const auto live = index_->LiveEntries(0);
  ASSERT_EQ(live.size(), kCount);
  for (size_t row = 0; row < kCount; ++row) {
    EXPECT_EQ(live[row].label, entries_[row].label);
    EXPECT_EQ(live[row].key, entries_[row].key);
    EXPECT_EQ(live[row].number, entries_[row].number);
    EXPECT_EQ(index_->Get(live[row].label)->vector,
              std::vector<float>(points_.Row(row).begin(), points_.Row(row).end()));
  }
  EXPECT_EQ(index_->LiveEntries(live[kCount - 3].label).size(), 2U);
}

TEST_F(AppendSegmentTest, LaterVectorsComeAfterIt) {
  ASSERT_TRUE(index_->AppendSegment(entries_, VectorOf()).ok());
  const Label last = entries_.back().label;
  // Replaying what it holds changes nothing.
  ASSERT_TRUE(index_->Add(last, testing::KeyOf(kCount), 0, points_.Row(0)).ok());
  EXPECT_EQ(index_->Stats().live, kCount);
  ASSERT_TRUE(index_->Add(last + 1, testing::KeyOf(kCount + 1), kCount, points_.Row(0)).ok());
  EXPECT_TRUE(index_->Delete(entries_[5].label));
  EXPECT_EQ(index_->Stats().live, kCount);
  ASSERT_TRUE(index_->SealAll().ok());

  const Manifest manifest = index_->TakeManifest();
  const std::vector<Label> labels = index_->LiveLabels();
  index_.reset();
  auto opened = VectorIndex::Open(directory_.path(), config_, manifest);
  ASSERT_TRUE(opened.ok() && opened->damaged.empty());
  EXPECT_EQ(opened->index->LiveLabels(), labels);
  EXPECT_TRUE(opened->index->VerifyFiles().ok());
}

TEST_F(AppendSegmentTest, NothingIsThereAfterAnError) {
  broken_ = 2000;
  EXPECT_TRUE(absl::IsDataLoss(index_->AppendSegment(entries_, VectorOf())));
  broken_ = kCount;
  const std::atomic<bool> stop = true;
  EXPECT_TRUE(absl::IsCancelled(index_->AppendSegment(entries_, VectorOf(), &stop)));
  std::swap(entries_[3], entries_[4]);
  EXPECT_TRUE(absl::IsInvalidArgument(index_->AppendSegment(entries_, VectorOf())));
  std::swap(entries_[3], entries_[4]);
  EXPECT_EQ(index_->Stats().live, 0U);
  EXPECT_EQ(index_->Stats().sealed_segments, 0U);

  ASSERT_TRUE(index_->Add(1, testing::KeyOf(1), 0, points_.Row(0)).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(index_->AppendSegment(entries_, VectorOf())));
  ASSERT_TRUE(index_->SealAll().ok());
  EXPECT_TRUE(index_->AppendSegment({}, VectorOf()).ok());
  EXPECT_TRUE(index_->AppendSegment(entries_, VectorOf()).ok());
  EXPECT_EQ(index_->Stats().live, kCount + 1);
}

}  // namespace
}  // namespace vecnest::index
