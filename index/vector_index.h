// The index of one named vector of a collection: a growing segment that is scanned, sealed
// segments that are walked, tombstones for what was deleted.
#ifndef VECNEST_INDEX_VECTOR_INDEX_H_
#define VECNEST_INDEX_VECTOR_INDEX_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "index/metric.h"

namespace vecnest::index {

// What a caller calls a point. Ordered; equal scores are returned in this order.
struct PointKey {
  uint8_t kind = 0;
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const PointKey&, const PointKey&) = default;
};

// Identifies one version of one vector: given by the caller, strictly increasing over Add.
// Replacing a vector is Add with a new label followed by Delete of the old one.
using Label = uint64_t;

struct IndexConfig {
  int dimensions = 0;
  Metric metric = Metric::kCosine;  // the metric graphs are built for
  int m = 16;                       // HNSW links per node and layer (2m on layer 0)
  int ef_construct = 200;
  // A growing segment is sealed into a graph once it holds this many vectors.
  size_t seal_threshold = 8192;
  uint64_t seed = 100;
  int build_threads = 1;  // 1 makes builds repeatable
};

struct SearchParams {
  size_t k = 10;
  std::optional<Metric> metric;   // IndexConfig::metric when unset
  int dimensions = 0;             // 0: all
  size_t ef = 0;                  // 0: chosen by the index for its default recall
  bool exact = false;             // scan everything
  // When set, only these labels may be returned. Sorted ascending; kept alive by the caller.
  std::optional<absl::Span<const Label>> allowed;
  std::optional<float> score_threshold;  // in the metric's own sense, inclusive
};

struct ScoredLabel {
  Label label = 0;
  PointKey key;
  float score = 0;
};

// How an answer was found, for explain.
struct SearchStats {
  Metric metric = Metric::kCosine;
  int dimensions = 0;
  bool renormalized = false;      // prefixes were scaled back to unit length
  bool exact = false;             // nothing approximate took part
  size_t segments_scanned = 0;
  size_t segments_walked = 0;
  size_t candidates = 0;          // re-ranked exactly
  size_t distances = 0;           // distances computed
  std::string strategy;           // e.g. "graph", "exact scan (few matches)"
};

// One vector with its names, as handed in and out in bulk.
struct Entry {
  Label label = 0;
  PointKey key;
  std::vector<float> vector;
};

// A sealed segment as the owner of the index records it. Label ranges of an index's segments
// are disjoint and ascending (only neighbours are merged).
struct SegmentRecord {
  std::string file;         // name inside the index directory
  Label min_label = 0;
  Label max_label = 0;
  uint64_t count = 0;       // vectors in the file, deleted ones included
  std::string tombstones;   // serialized Roaring bitmap of deleted offsets
};

// What has to be remembered to open the index again. The owner commits it together with the
// position up to which its log is reflected: Add of labels <= persisted_through and every
// Delete made before the manifest was taken.
struct Manifest {
  std::vector<SegmentRecord> segments;
  Label persisted_through = 0;
};

struct IndexStats {
  size_t live = 0;           // vectors that can be found
  size_t deleted = 0;        // tombstones not yet merged away
  size_t growing = 0;        // vectors not in a sealed segment yet
  size_t sealed_segments = 0;
  size_t memory_bytes = 0;   // owned memory
  size_t mapped_bytes = 0;   // segment files
  bool unit_norm = false;    // every live vector has unit length (to 1e-3)
};

// Thread safety: Search, Contains, Get and Stats may be called from any thread at any time and
// never wait for the others. Add and Delete are serialised by the caller. Maintain may run in
// one background thread beside everything else. TakeManifest and Add/Delete exclude each other.
class VectorIndex {
 public:
  struct OpenResult {
    std::unique_ptr<VectorIndex> index;
    // Segments whose file is missing or fails its checks, with the reason. They are left out
    // until RestoreSegment puts them back.
    std::vector<std::pair<SegmentRecord, absl::Status>> damaged;
  };

  // An index over `directory` (created when missing) holding what `manifest` lists. Files that
  // it does not list are left-overs of an interrupted run and are removed.
  static absl::StatusOr<OpenResult> Open(const std::string& directory, const IndexConfig& config,
                                         const Manifest& manifest);

  // Rebuilds a damaged segment from the vectors that have labels in its range, sorted by label.
  absl::Status RestoreSegment(const SegmentRecord& record, std::vector<Entry> entries);

  // Makes a vector visible at once. InvalidArgument: wrong width, or a component that is not
  // finite. A label at or below the largest one seen is ignored: replaying is harmless.
  absl::Status Add(Label label, const PointKey& key, absl::Span<const float> vector);

  // False when no live vector has this label.
  bool Delete(Label label);

  bool Contains(Label label) const;
  std::optional<std::vector<float>> Get(Label label) const;

  // Best first. InvalidArgument: wrong width, non-finite query, dimensions outside 1..width.
  // `stats` may be null.
  absl::StatusOr<std::vector<ScoredLabel>> Search(absl::Span<const float> query,
                                                  const SearchParams& params,
                                                  SearchStats* stats) const;

  // Does the most useful piece of background work there is (seal a full growing segment, merge
  // small segments, rewrite one with many tombstones) and returns true, or returns false when
  // there is none. Takes as long as a graph build; writes files, never removes any.
  absl::StatusOr<bool> Maintain();

  // Seals what is growing, however small, so that the manifest covers everything.
  absl::Status SealAll();

  Manifest TakeManifest() const;

  // Removes the files that the committed manifest no longer lists.
  void RemoveObsoleteFiles(const Manifest& committed);

  IndexStats Stats() const;

  // Every live label, ascending; for verification.
  std::vector<Label> LiveLabels() const;

  // Re-reads every segment file and checks its checksums.
  absl::Status VerifyFiles() const;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_VECTOR_INDEX_H_
