#include "index/merge_policy.h"

#include <algorithm>

namespace vecnest::index {
namespace {

constexpr size_t kMaxRows = size_t{16} << 20;
constexpr size_t kTierFactor = 4;
// Of the largest segment, one in so many rows that others add to it.
constexpr size_t kSmallestShare = 4;

size_t Live(const SegmentSize& segment) { return segment.rows - segment.deleted; }

size_t TierOf(const SegmentSize& segment, size_t seal_threshold) {
  size_t tier = 0;
  for (size_t size = Live(segment); size >= kTierFactor * seal_threshold; size /= kTierFactor) {
    ++tier;
  }
  return tier;
}

std::optional<MergeRange> PickRewrite(absl::Span<const SegmentSize> segments) {
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].deleted * 4 > segments[i].rows) return MergeRange{i, 1};
  }
  return std::nullopt;
}

std::optional<MergeRange> PickOutdated(absl::Span<const SegmentSize> segments) {
  const auto found = std::find_if(segments.begin(), segments.end(),
                                  [](const SegmentSize& segment) { return segment.outdated; });
  if (found == segments.end()) return std::nullopt;
  return MergeRange{static_cast<size_t>(found - segments.begin()), 1};
}

std::optional<MergeRange> PickSmall(absl::Span<const SegmentSize> segments, size_t threshold) {
  for (size_t first = 0; first < segments.size(); ++first) {
    size_t total = Live(segments[first]);
    size_t end = first + 1;
    while (end < segments.size() && !segments[end].gap_before &&
           total + Live(segments[end]) < threshold) {
      total += Live(segments[end++]);
    }
    if (end - first >= 2) return MergeRange{first, end - first};
  }
  return std::nullopt;
}

// The first run without larger segments in which `tier` occurs kTierFactor times.
std::optional<MergeRange> PickTier(absl::Span<const SegmentSize> segments, size_t threshold,
                                   size_t tier) {
  MergeRange run;
  size_t members = 0;
  size_t total = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    const size_t own = TierOf(segments[i], threshold);
    if (segments[i].gap_before || own > tier) {
      members = 0;
    }
    if (own > tier || (members == 0 && own < tier)) continue;
    if (members == 0) {
      run.first = i;
      total = 0;
    }
    members += own == tier ? 1 : 0;
    total += Live(segments[i]);
    run.count = i - run.first + 1;
    if (members == kTierFactor && total <= kMaxRows) return run;
  }
  return std::nullopt;
}

}  // namespace

std::optional<MergeRange> PickMerge(absl::Span<const SegmentSize> segments, size_t seal_threshold) {
  const size_t threshold = std::max<size_t>(seal_threshold, 1);
  if (const auto rewrite = PickRewrite(segments)) return rewrite;
  if (const auto small = PickSmall(segments, threshold)) return small;
  size_t highest = 0;
  for (const SegmentSize& segment : segments) {
    highest = std::max(highest, TierOf(segment, threshold));
  }
  for (size_t tier = 0; tier <= highest; ++tier) {
    if (const auto merge = PickTier(segments, threshold, tier)) return merge;
  }
  return PickOutdated(segments);
}

std::optional<MergeRange> PickMergeAtRest(absl::Span<const SegmentSize> segments) {
  MergeRange best;
  for (size_t first = 0; first < segments.size(); ++first) {
    size_t total = Live(segments[first]);
    size_t largest = total;
    for (size_t i = first + 1; i < segments.size() && !segments[i].gap_before; ++i) {
      total += Live(segments[i]);
      largest = std::max(largest, Live(segments[i]));
      if (total > kMaxRows) break;
      const size_t count = i - first + 1;
      if (count > best.count && (total - largest) * kSmallestShare >= largest) {
        best = {first, count};
      }
    }
  }
  return best.count > 0 ? std::optional(best) : std::nullopt;
}

}  // namespace vecnest::index
