// The index of one named vector of a collection: a growing segment that is scanned, sealed
// segments that are walked, tombstones for what was deleted. Start reading the folder here.
//
// The way of a vector: Add puts it into the growing segment (growing_segment.h), where it is found
// at once. SealFull, in the background, freezes a full growing segment, copies what is live into a
// file, builds an HNSW graph over it (segment_writer.h, hnsw_builder.h), maps the file
// (sealed_segment.h, segment_format.h) and puts it in the growing one's place (segment_set.h);
// later MergeSome and MergeAtRest merge neighbours (merge_policy.h). Delete only marks
// (deletion_marks.h).
//
// The way of a query: a view of all segments is fixed; each sealed segment is walked
// (graph_walk.h) or scanned, as search_plan.h decides by metric, filter and size; growing segments
// are scanned; the nearest of all are the answer (segment_search.h). Walks and scans go by codes
// (quantizer.h), and the nearest of what they found are ranked again: scores are always computed
// from the stored vectors at the requested metric and width. What that means for each metric,
// and when prefixes are scaled back to unit length, is in scorer.h. Only which vectors are
// considered is approximate.
//
// Everything rests on ascending labels: a segment's rows are sorted by label without being sorted,
// a label is found by binary search, and "deleted when the largest label was L" gives readers a
// consistent view (deletion_marks.h).
//
// Limits: 1 <= dimensions <= 65536; 2 <= m <= 1024; 16 million vectors in a merged segment. Lengths
// of vectors outside 1.1e-19 .. 1.8e19 are taken for zero by cosine.
#ifndef VECNEST_INDEX_VECTOR_INDEX_H_
#define VECNEST_INDEX_VECTOR_INDEX_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "index/hnsw_builder.h"
#include "index/manifest.h"
#include "index/merge_policy.h"
#include "index/metric.h"
#include "index/point_set.h"
#include "index/segment_set.h"
#include "index/types.h"

namespace vecnest::index {

struct IndexConfig {
  int dimensions = 0;
  Metric metric = Metric::kCosine;  // the metric graphs are built for
  // Vectors are rounded to it when they are added.
  ValueFormat values = ValueFormat::kF32;
  // Of the codes that walks go by (quantizer.h): 8, 4 or 1; 0: chosen by the index.
  int code_bits = 0;
  // Whether vectors come on the axes of their second moment, of which the first hold most: codes of
  // one bit are turned then, and searches by prefixes go by vectors (quantizer.h).
  bool principal_axes = false;
  // Of prefixes, by dimension (scorer.h); empty: none.
  std::vector<float> prefix_scales;
  int m = 16;  // HNSW links per node and layer (2m on layer 0)
  int ef_construct = 200;
  // A growing segment is sealed into a graph once it holds this many vectors.
  size_t seal_threshold = 8192;
  uint64_t seed = 100;
  int build_threads = 1;  // 1 makes builds repeatable
};

struct SearchParams {
  size_t k = 10;
  std::optional<Metric> metric = std::nullopt;  // the index's when unset
  int dimensions = 0;                           // 0: all
  size_t ef = 0;                                // 0: chosen by the index for its default recall
  // The recall that `ef` is chosen for where it is 0; 0: the default. From what was measured when
  // the graph was built (calibration.h), at fewer dimensions no less than by default; 0.9995 and
  // above scans everything.
  float recall = 0;
  bool exact = false;  // scan everything
  // When set, only these points may be returned. Kept alive by the caller.
  const PointSet* allowed = nullptr;
  // How many of the rows that a walk found by their codes are ranked by their vectors; 0: chosen by
  // the index. Never fewer than k; ef is raised to it.
  size_t rescored = 0;
  // Walks go by the vectors, not by codes.
  static constexpr size_t kAllFound = ~size_t{0};
  std::optional<float> score_threshold = std::nullopt;  // in the metric's own sense, inclusive
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
  bool renormalized = false;  // prefixes were scaled back to unit length
  bool exact = false;         // nothing approximate took part
  size_t segments_scanned = 0;
  size_t segments_walked = 0;
  size_t ef = 0;          // the largest of any segment walked
  size_t candidates = 0;  // re-ranked exactly
  size_t distances = 0;   // distances computed
  size_t bytes = 0;       // of codes, links and vectors that were read for them
  std::string strategy;   // e.g. "graph", "exact scan (few matches)"
};

struct IndexStats {
  size_t live = 0;     // vectors that can be found
  size_t deleted = 0;  // tombstones not yet merged away
  size_t growing = 0;  // vectors not in a sealed segment yet
  size_t sealed_segments = 0;
  size_t memory_bytes = 0;  // owned memory, the next included
  size_t walked_bytes = 0;  // codes and links of sealed segments
  size_t mapped_bytes = 0;  // segment files

  bool unit_norm = false;  // every live vector has unit length (to 1e-3)
};

// Thread safety: Search, Contains, Get and Stats may be called from any thread at any time and
// never wait for the others. Add and Delete are serialised by the caller. SealFull and MergeSome
// may run beside each other and everything else, so that a long merge does not hold up sealing.
// TakeManifest and Add/Delete exclude each other.
class VectorIndex {
 public:
  struct OpenResult {
    std::unique_ptr<VectorIndex> index;
    // Segments whose file is missing or fails its checks, with the reason. They are left out
    // until RestoreSegment puts them back.
    std::vector<std::pair<SegmentRecord, absl::Status>> damaged;
  };

  // An index over `directory` (created when missing) holding what `manifest` lists. Files that
  // it does not list are left-overs of an interrupted run and are removed. Every byte of the listed
  // ones is verified, at the speed of memory. InvalidArgument: a config outside the limits, or a
  // manifest whose ranges overlap; otherwise only the operating system makes it fail.
  static absl::StatusOr<OpenResult> Open(const std::string& directory, const IndexConfig& config,
                                         const Manifest& manifest);

  // Rebuilds a damaged segment from the live vectors that have labels in its range, sorted by
  // label; none at all is fine. Until then the manifest goes on listing the damaged file. NotFound:
  // `record` is not one of the damaged segments. InvalidArgument: entries out of order or range.
  absl::Status RestoreSegment(const SegmentRecord& record, const std::vector<Entry>& entries);

  // Adds vectors at once and with their graph, without holding them in memory: `vector_of` gives
  // that of an entry, whose own is not looked at, in the order of the entries; its first error is
  // returned. Their labels ascend and are larger than any seen. FailedPrecondition while vectors
  // are growing. Not while others add or delete. `linked` (if given) tells how far the graph is,
  // see GraphParams.
  using VectorOf = absl::FunctionRef<absl::StatusOr<absl::Span<const float>>(const Entry&)>;
  absl::Status AppendSegment(const std::vector<Entry>& entries, VectorOf vector_of,
                             const std::atomic<bool>* stop = nullptr,
                             std::atomic<size_t>* linked = nullptr);

  // Makes a vector visible at once. InvalidArgument: wrong width, label 0, or a component that is
  // not finite (the message has its position), also when rounding made it so. A label at or below
  // the largest one seen is ignored: replaying is harmless.
  absl::Status Add(Label label, const PointKey& key, PointNumber number,
                   absl::Span<const float> vector);

  // False when no live vector has this label.
  bool Delete(Label label);

  bool Contains(Label label) const;

  // The entry of a live vector; nothing when there is none with this label.
  std::optional<Entry> Get(Label label) const;

  // Best first, equal scores in the order of keys, each key once, and never fewer than min(k, live
  // matches) unless a threshold cuts. InvalidArgument: wrong width, non-finite query, dimensions
  // outside 1..width. `stats` may be null.
  absl::StatusOr<std::vector<ScoredLabel>> Search(absl::Span<const float> query,
                                                  const SearchParams& params,
                                                  SearchStats* stats) const;

  // Pieces of background work. Each takes as long as a graph build, writes files and never removes
  // any. True when there was something to do. Cancelled soon after `stop` (if given) turned true:
  // that piece is as if it had never begun.
  //
  // Seals the oldest full growing segment.
  absl::StatusOr<bool> SealFull(const std::atomic<bool>* stop = nullptr);
  // Does the most useful of these: merge small segments, rewrite one with many tombstones, with
  // other codes than it should have or with a graph that does not serve the metric.
  absl::StatusOr<bool> MergeSome(const std::atomic<bool>* stop = nullptr);

  // The same for an index that hardly anything is written to. SealAtRest gives rows a graph that
  // are too few for SealFull, from 2,048 on, unless none has one and answers are exact. MergeAtRest
  // merges further than MergeSome (merge_policy.h), for the fastest searches.
  absl::StatusOr<bool> SealAtRest(const std::atomic<bool>* stop = nullptr);
  absl::StatusOr<bool> MergeAtRest(const std::atomic<bool>* stop = nullptr);

  // Segments are built with codes of so many bits from now on (IndexConfig), and MergeSome rebuilds
  // those that have others. Thread-safe.
  void SetCodeBits(int bits);
  // The same for the metric, which is that of searches that name none from now on: MergeSome
  // rebuilds the segments whose graph does not serve it (search_plan.h). Until then they are
  // scanned.
  void SetMetric(Metric metric);
  Metric metric() const { return metric_; }

  // Whether SealFull or MergeSome would find work.
  bool NeedsMaintenance() const;
  // Whether SealAtRest or MergeAtRest would.
  bool NeedsRest() const;

  // Seals what is growing, however small, so that the manifest covers everything.
  absl::Status SealAll(const std::atomic<bool>* stop = nullptr);

  Manifest TakeManifest() const;

  // Removes the files that the committed manifest no longer lists.
  void RemoveObsoleteFiles(const Manifest& committed);

  IndexStats Stats() const;

  // What is live with a label larger than `after`, ascending, without the vectors.
  std::vector<Entry> LiveEntries(Label after) const;

  // Every live label, ascending; for verification.
  std::vector<Label> LiveLabels() const;

  // Re-reads every segment file and checks its checksums. The first problem, damaged segments that
  // have not been restored included, as DataLoss or NotFound.
  absl::Status VerifyFiles() const;

 private:
  VectorIndex(std::string directory, const IndexConfig& config,
              std::vector<std::shared_ptr<SealedSegment>> sealed,
              std::vector<SegmentRecord> damaged, Label last_label, uint64_t next_file);

  GraphParams BuildParams(const std::atomic<bool>* stop) const;
  bool IsOutdated(const SealedSegment& segment) const;
  std::string StartFile();
  void FinishFile(const std::string& file);
  absl::StatusOr<std::shared_ptr<SealedSegment>> WriteSegment(const std::vector<Rows>& blocks,
                                                              const std::string& file,
                                                              const std::atomic<bool>* stop) const;
  absl::StatusOr<std::shared_ptr<SealedSegment>> WriteEntries(const std::vector<Entry>& entries,
                                                              VectorOf vector_of,
                                                              const std::string& file,
                                                              const GraphParams& params) const;
  // Nobody else may be replacing the sources.
  absl::Status Rebuild(const Replaced& sources, const std::atomic<bool>* stop);
  absl::StatusOr<bool> SealOldestFrozen(const std::atomic<bool>* stop)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(seal_mutex_);
  // Whether what grows is worth a graph of its own.
  bool HasTail() const;
  std::vector<SegmentSize> SizesOf(const SegmentList& list) const;
  // Merges what `pick` picks of the segments' sizes.
  template <class Pick>
  absl::StatusOr<bool> MergeWhat(const Pick& pick, const std::atomic<bool>* stop);
  absl::Status CheckEntries(const SegmentRecord& record, const std::vector<Entry>& entries) const;
  std::vector<SegmentRecord> Damaged() const;

  const std::string directory_;
  const IndexConfig config_;
  // In the place of config_'s.
  std::atomic<int> code_bits_;
  std::atomic<Metric> metric_;
  SegmentSet set_;
  // Each held through a build of its kind: growing segments are replaced by sealing alone, sealed
  // ones by merging alone. Locks are taken in this order: one of these, files, then those inside
  // the set.
  absl::Mutex seal_mutex_ ABSL_ACQUIRED_BEFORE(files_mutex_);
  absl::Mutex merge_mutex_ ABSL_ACQUIRED_BEFORE(files_mutex_);
  mutable absl::Mutex files_mutex_;
  std::vector<SegmentRecord> damaged_ ABSL_GUARDED_BY(files_mutex_);
  std::set<std::string> writing_ ABSL_GUARDED_BY(files_mutex_);  // files of builds under way
  uint64_t next_file_ ABSL_GUARDED_BY(files_mutex_);
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_VECTOR_INDEX_H_
