// Which sealed segments to rewrite or merge next. A pure function, so that it can be tested alone.
#ifndef VECNEST_INDEX_MERGE_POLICY_H_
#define VECNEST_INDEX_MERGE_POLICY_H_

#include <cstddef>
#include <optional>

#include "absl/types/span.h"

namespace vecnest::index {

struct SegmentSize {
  size_t rows = 0;
  size_t deleted = 0;
  // A damaged segment lies between this one and the one before: they may not be merged.
  bool gap_before = false;
  // Built otherwise than it would be now.
  bool outdated = false;
};

struct MergeRange {
  size_t first = 0;
  size_t count = 0;
};

// The most useful piece of work on neighbouring segments, or nothing. In this order:
//   1. rewrite a segment of which more than a quarter is deleted;
//   2. merge a run of small segments that together stay below `seal_threshold`;
//   3. merge four of a tier, with smaller ones between them. A tier's segments are four times as
//      large as those of the tier below, so each vector is rebuilt about log4(n / threshold) times
//      and at most three segments per tier remain;
//   4. rewrite a segment that is outdated.
// Segments never grow beyond 16 million rows.
std::optional<MergeRange> PickMerge(absl::Span<const SegmentSize> segments, size_t seal_threshold);

// What is worth merging when nothing is written: a query walks each segment, and a graph of all
// rows hardly takes longer than one of a few. The neighbours that leave fewest segments, where
// those beside the largest have at least a quarter of its rows; so however often it is done, each
// time the largest grows by a quarter. Segments never grow beyond 16 million rows.
std::optional<MergeRange> PickMergeAtRest(absl::Span<const SegmentSize> segments);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_MERGE_POLICY_H_
