// Looking for the nearest of a row along the links of a graph, for those who choose its links
// (hnsw_builder.h, graph_refiner.h).
#ifndef VECNEST_INDEX_NEIGHBOUR_SEARCH_H_
#define VECNEST_INDEX_NEIGHBOUR_SEARCH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "hwy/contrib/sort/vqsort.h"
#include "index/kernels/walk_entries.h"
#include "index/walk_lists.h"

namespace vecnest::index {

// Where a search of few places (walk_lists.h) expands one row after the other, this one expands an
// eighth of the places at a time. A list of hundreds is put in order so many times less often, for
// a few distances more. `Distance` is one of row_distance.h. Used by one thread, again and again.
template <class Distance>
class NeighbourSearch {
 public:
  // The nearest `places` other rows that links lead to from `starts`, nearest first. `count` is how
  // many rows there are. `Links` has Of(row, copy), which gives the links of a row, and may leave
  // them in `copy`, and Prefetch(row), which asks for them.
  template <class Links>
  void Find(const Distance& distance, size_t count, uint32_t row, absl::Span<const uint32_t> starts,
            size_t places, const Links& links, std::vector<WalkedRow>& found) {
    constexpr size_t kParts = 8;
    const size_t most_at_once = std::max<size_t>(places / kParts, 1);
    visited_.Start(count);
    visited_.Visit(row);
    from_.Start(distance, row);
    nearest_.clear();
    fresh_.resize(starts.size());
    fresh_.resize(visited_.VisitAll(starts, fresh_.data()));
    Measure(distance);
    KeepStarts();
    Keep(places);
    while (TakeNext(most_at_once)) {
      for (const uint32_t next : expanded_) links.Prefetch(next);
      Meet(links);
      Measure(distance);
      Keep(places);
    }
    Copy(nearest_, found);
  }

  // Those of the starts that are farther than all that were found, in order, after these.
  void AddStarts(std::vector<WalkedRow>& found) {
    if (found.empty()) return;
    const auto size = static_cast<ptrdiff_t>(found.size());
    std::copy_if(starts_.begin(), starts_.end(), std::back_inserter(found),
                 [last = found.back()](const WalkedRow& start) { return last < start; });
    std::sort(found.begin() + size, found.end());
  }

 private:
  static constexpr float kNoRange = -std::numeric_limits<float>::infinity();

  static void Copy(const std::vector<uint64_t>& entries, std::vector<WalkedRow>& rows) {
    rows.resize(entries.size());
    std::transform(entries.begin(), entries.end(), rows.begin(), [](uint64_t entry) {
      return WalkedRow{kernels::CostOfEntry(entry), kernels::RowOfEntry(entry)};
    });
  }

  // The nearest that were not expanded, which are taken for expanded from now on; false when there
  // are none.
  bool TakeNext(size_t most) {
    expanded_.clear();
    size_t i = 0;
    for (; i < nearest_.size() && expanded_.size() < most; ++i) {
      if (kernels::IsExpandedEntry(nearest_[i])) continue;
      nearest_[i] |= kernels::kExpandedEntry;
      expanded_.push_back(kernels::RowOfEntry(nearest_[i]));
    }
    return !expanded_.empty();
  }

  // Those that the expanded rows lead to, and that were not met before.
  template <class Links>
  void Meet(const Links& links) {
    size_t count = 0;
    for (const uint32_t row : expanded_) {
      const absl::Span<const uint32_t> met = links.Of(row, links_);
      fresh_.resize(std::max(fresh_.size(), count + met.size()));
      count += visited_.VisitAll(met, fresh_.data() + count);
    }
    fresh_.resize(count);
  }

  // While the distances to some are computed, the next are asked for.
  void Measure(const Distance& distance) {
    constexpr size_t kAtOnce = 8;
    distances_.resize(fresh_.size());
    const absl::Span<const uint32_t> fresh(fresh_);
    for (const uint32_t row : fresh.subspan(0, kAtOnce)) distance.Prefetch(row);
    for (size_t i = 0; i < fresh.size(); i += kAtOnce) {
      const size_t next = std::min(i + kAtOnce, fresh.size());
      for (const uint32_t row : fresh.subspan(next, kAtOnce)) distance.Prefetch(row);
      from_.To(fresh.subspan(i, kAtOnce), distances_.data() + i);
    }
  }

  void KeepStarts() {
    starts_.resize(fresh_.size());
    for (size_t i = 0; i < fresh_.size(); ++i) starts_[i] = {distances_[i], fresh_[i]};
  }

  // Of those that were met the ones that are among the nearest.
  void Keep(size_t places) {
    near_.resize(fresh_.size() + kernels::kEntryBlock);
    const uint64_t bar = nearest_.size() < places ? ~uint64_t{0} : Bar();
    near_.resize(kernels_.select(fresh_.data(), distances_.data(), fresh_.size(), bar, kNoRange,
                                 near_.data()));
    // By Highway's sort from so many on, which takes 0.4 us at least: by std::sort alone graphs of
    // 100,000 rows take 1.14 times as long to build.
    constexpr size_t kMany = 20;
    if (near_.size() < kMany) {
      std::sort(near_.begin(), near_.end());
    } else {
      sorter_(near_.data(), near_.size(), hwy::SortAscending());
    }
    merged_.resize(nearest_.size() + near_.size());
    std::merge(nearest_.begin(), nearest_.end(), near_.begin(), near_.end(), merged_.begin());
    merged_.resize(std::min(merged_.size(), places));
    nearest_.swap(merged_);
  }

  // What comes before it gets in. Of equal vectors that fill all places those stay that were met
  // first: if the first by number took their places, everything around would link to the same few.
  uint64_t Bar() const {
    const float farthest = kernels::CostOfEntry(nearest_.back());
    const bool all_equal = kernels::CostOfEntry(nearest_.front()) == farthest;
    return all_equal ? kernels::EntryOf(farthest, 0) : nearest_.back();
  }

  const kernels::WalkEntryKernels& kernels_ = kernels::WalkEntries();
  const hwy::Sorter sorter_;
  VisitedRows visited_;
  typename Distance::FromRow from_;
  std::vector<uint64_t> nearest_;  // entries (walk_entries.h) in order
  std::vector<uint64_t> merged_;
  std::vector<uint64_t> near_;      // of those that were met
  std::vector<uint32_t> expanded_;  // at present
  std::vector<uint32_t> links_;
  std::vector<uint32_t> fresh_;  // met for the first time
  std::vector<float> distances_;
  std::vector<WalkedRow> starts_;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_NEIGHBOUR_SEARCH_H_
