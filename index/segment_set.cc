#include "index/segment_set.h"

#include <algorithm>
#include <utility>

#include "index/scorer.h"

namespace vecnest::index {
namespace {

int64_t CountNotUnit(const Rows& rows, ValueFormat format) {
  int64_t count = 0;
  for (size_t row = 0; row < rows.count; ++row) {
    count += !IsUnitNorm(rows.inverse_norms[row], format) && !rows.marks->IsDeleted(row) ? 1 : 0;
  }
  return count;
}

template <class T>
void AppendBlocks(const std::vector<std::shared_ptr<SealedSegment>>& sealed, const T& growing,
                  std::vector<Rows>& blocks) {
  for (const auto& segment : sealed) blocks.push_back(segment->rows());
  for (const auto& segment : growing) {
    const std::vector<Rows> chunks = segment->Blocks();
    blocks.insert(blocks.end(), chunks.begin(), chunks.end());
  }
}

// Marks in `target` what is marked in `source`; rows that the target left out are gone anyway.
void CarryOverMarks(const Rows& source, const Rows& target) {
  if (source.marks->count() == 0) return;
  for (size_t row = 0; row < source.count; ++row) {
    const Label at = source.marks->DeletedAt(row);
    if (at == DeletionMarks::kNever) continue;
    if (const std::optional<size_t> found = target.Find(source.labels[row])) {
      target.marks->Mark(*found, at);
    }
  }
}

template <class T>
void RemoveAll(std::vector<std::shared_ptr<T>>& from, const std::vector<std::shared_ptr<T>>& gone) {
  std::erase_if(from, [&](const std::shared_ptr<T>& segment) {
    return std::find(gone.begin(), gone.end(), segment) != gone.end();
  });
}

}  // namespace

std::vector<Rows> SetView::Blocks() const {
  std::vector<Rows> blocks;
  AppendBlocks(list->sealed, list->growing, blocks);
  for (Rows& rows : blocks) rows = rows.Until(as_of);
  return blocks;
}

std::vector<Rows> Replaced::Blocks() const {
  std::vector<Rows> blocks;
  AppendBlocks(sealed, growing, blocks);
  return blocks;
}

SegmentSet::SegmentSet(size_t dimensions, Metric metric, ValueFormat format,
                       std::vector<std::shared_ptr<SealedSegment>> sealed, Label last_label)
    : dimensions_(dimensions), format_(format), metric_(metric), last_label_(last_label) {
  int64_t not_unit = 0;
  for (const auto& segment : sealed) not_unit += CountNotUnit(segment->rows(), format_);
  not_unit_.store(not_unit);
  SegmentList list;
  list.sealed = std::move(sealed);
  list.growing.push_back(std::make_shared<GrowingSegment>(dimensions, metric));
  const absl::MutexLock lock(&writer_mutex_);
  Swap(std::move(list));
}

void SegmentSet::Swap(SegmentList list) {
  list.as_of = last_label_.load(std::memory_order_relaxed);
  auto next = std::make_shared<const SegmentList>(std::move(list));
  const absl::MutexLock lock(&list_mutex_);
  list_.swap(next);
}

SetView SegmentSet::View() const {
  SetView view;
  view.as_of = last_label_.load(std::memory_order_acquire);
  {
    const absl::MutexLock lock(&list_mutex_);
    view.list = list_;
  }
  view.as_of = std::max(view.as_of, view.list->as_of);
  return view;
}

bool SegmentSet::Add(Label label, const PointKey& key, PointNumber number,
                     absl::Span<const float> vector, float inverse_norm) {
  const absl::MutexLock lock(&writer_mutex_);
  if (label <= last_label_.load(std::memory_order_relaxed)) return false;
  if (!IsUnitNorm(inverse_norm, format_)) not_unit_.fetch_add(1, std::memory_order_relaxed);
  View().list->growing.back()->Append(label, key, number, vector, inverse_norm);
  last_label_.store(label, std::memory_order_release);
  return true;
}

bool SegmentSet::Delete(Label label) {
  const absl::MutexLock lock(&writer_mutex_);
  for (const Rows& rows : View().Blocks()) {
    if (rows.count == 0 || rows.labels[rows.count - 1] < label) continue;
    const std::optional<size_t> row = rows.Find(label);
    if (!row || !rows.marks->Mark(*row, last_label_.load(std::memory_order_relaxed))) return false;
    if (!IsUnitNorm(rows.inverse_norms[*row], format_))
      not_unit_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void SegmentSet::Freeze(size_t min_count) {
  const absl::MutexLock lock(&writer_mutex_);
  SegmentList list = *View().list;
  if (list.growing.back()->count() < min_count) return;
  list.growing.push_back(std::make_shared<GrowingSegment>(dimensions_, metric_));
  Swap(std::move(list));
}

void SegmentSet::SetMetric(Metric metric) {
  const absl::MutexLock lock(&writer_mutex_);
  metric_ = metric;
}

void SegmentSet::Publish(const Replaced& replaced, std::shared_ptr<SealedSegment> segment) {
  const absl::MutexLock lock(&writer_mutex_);
  SegmentList list = *View().list;
  RemoveAll(list.sealed, replaced.sealed);
  RemoveAll(list.growing, replaced.growing);
  if (segment != nullptr) {
    for (const Rows& rows : replaced.Blocks()) CarryOverMarks(rows, segment->rows());
    // A segment out of nothing brings rows that were not counted.
    if (replaced.sealed.empty() && replaced.growing.empty()) {
      not_unit_.fetch_add(CountNotUnit(segment->rows(), format_), std::memory_order_relaxed);
    }
    const auto after = std::find_if(list.sealed.begin(), list.sealed.end(), [&](const auto& other) {
      return other->min_label() > segment->min_label();
    });
    if (segment->max_label() > last_label_) last_label_ = segment->max_label();
    list.sealed.insert(after, std::move(segment));
  }
  Swap(std::move(list));
}

}  // namespace vecnest::index
