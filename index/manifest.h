// What the owner of an index remembers to open it again.
#ifndef VECNEST_INDEX_MANIFEST_H_
#define VECNEST_INDEX_MANIFEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "index/types.h"

namespace vecnest::index {

// A sealed segment as the owner of the index records it. Label ranges of an index's segments
// are disjoint and ascending (only neighbours are merged).
struct SegmentRecord {
  std::string file;  // name inside the index directory
  Label min_label = 0;
  Label max_label = 0;
  uint64_t count = 0;      // vectors in the file, deleted ones included
  std::string tombstones;  // serialized Roaring bitmap of deleted offsets
};

// The owner commits it together with the position up to which its log is reflected: Add of labels
// <= persisted_through and every Delete made before the manifest was taken.
struct Manifest {
  std::vector<SegmentRecord> segments;
  Label persisted_through = 0;
};

// InvalidArgument: ranges that overlap, are out of order or reach beyond persisted_through, or a
// file that is not a plain name.
absl::Status CheckManifest(const Manifest& manifest);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_MANIFEST_H_
