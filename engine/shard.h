// The points of one collection on this node: the write path, the reads, the search.
//
// The way of a write: the caller decides on changes while the write lock is held, the log gives
// them a sequence and commits them with the records they make, the indexes follow, the lock is
// released, and the caller waits for the disk. Lock order: maintain_mutex_, write_mutex_,
// definition_mutex_.
#ifndef VECNEST_ENGINE_SHARD_H_
#define VECNEST_ENGINE_SHARD_H_

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "engine/definition.h"
#include "engine/effects.h"
#include "engine/filter_match.h"
#include "engine/record.h"
#include "index/vector_index.h"
#include "storage/store.h"
#include "storage/write_log.h"
#include "vecnest/database.h"

namespace vecnest::engine {

// What a shard works on; all of it outlives the shard.
struct ShardEnvironment {
  storage::Store* store = nullptr;
  storage::WriteLog* log = nullptr;
  std::string directory;  // of this shard's segment files
  size_t seal_threshold = 8192;
  // Everything is sealed when this much log has gathered although no segment was full.
  size_t log_bytes_per_manifest = size_t{64} << 20;
};

storage::PointKey ToStorageKey(const PointId& id);
index::PointKey ToIndexKey(const PointId& id);
PointId ToPointId(const index::PointKey& key);
PointId ToPointId(const storage::PointKey& key);
index::Metric ToIndexMetric(Metric metric);
Metric FromIndexMetric(index::Metric metric);

// A point as read from the store.
struct StoredPoint {
  PointId id;
  PointRecord record;
};

// A model that texts of a slot were embedded with.
struct ModelBinding {
  std::string model;
  std::string identity;
};

struct NearestQuery {
  Slot slot = 0;
  std::vector<float> vector;
  std::optional<PointId> excluded;
};

// Thread-safe.
class Shard {
 public:
  // Opens what the manifest lists, rebuilds damaged segments from the store and replays the log.
  static absl::StatusOr<std::shared_ptr<Shard>> Open(const ShardEnvironment& environment,
                                                     Definition definition);
  // Adds the records of a new collection to `batch`.
  static void AddCreation(const Definition& definition, storage::Batch& batch);
  // Removes everything the store has of a collection.
  static void AddRemoval(const Definition& definition, storage::Batch& batch);
  // Every collection the store knows, by name; those that can't be read with the reason.
  static absl::StatusOr<std::vector<std::pair<std::string, absl::StatusOr<Definition>>>>
  StoredDefinitions(const storage::Store& store);

  std::shared_ptr<const Definition> definition() const;
  absl::Status SetMetrics(const std::map<std::string, Metric>& metrics);
  CollectionInfo Describe() const;
  uint64_t points() const { return points_.load(std::memory_order_relaxed); }

  // Runs `decide` with writes held off, so that what it reads stays true until its changes are in.
  // No changes: nothing is written. `bindings` are checked and remembered with the changes.
  using Decide = absl::FunctionRef<absl::StatusOr<std::vector<PointChange>>()>;
  absl::StatusOr<WriteResult> Write(Decide decide, const std::map<Slot, ModelBinding>& bindings,
                                    Durability durability);

  // Existing points among `ids` (each once), in that order.
  absl::StatusOr<std::vector<StoredPoint>> Read(const std::vector<PointId>& ids) const;
  // Visits the points that pass (all when there is no matcher), in no order, until `visit` returns
  // false.
  absl::Status ForEach(const FilterMatcher* matcher,
                       absl::FunctionRef<bool(const PointId&, const PointRecord&)> visit) const;
  // The same in the order of ids, from `start` on.
  absl::Status ForEachOrdered(
      const FilterMatcher* matcher, const std::optional<PointId>& start,
      absl::FunctionRef<bool(const PointId&, const PointRecord&)> visit) const;
  // Points that a selector means; ids that do not exist are left out.
  absl::StatusOr<std::vector<StoredPoint>> Select(const PointSelector& selector) const;

  absl::StatusOr<std::optional<NamedVectors>> ReadVectors(const StoredPoint& point,
                                                          const VectorSelector& selector) const;
  // The stored vector of one point; nothing when it has none in this slot.
  absl::StatusOr<std::optional<VectorRecord>> ReadVector(const PointId& id, Slot slot) const;

  // Best first; `query` gives everything but the vector. Fills `plan` when not null.
  absl::StatusOr<std::vector<ScoredPoint>> Nearest(const NearestQuery& nearest, const Query& query,
                                                   QueryPlan* plan) const;

  // True while Maintain has something to do.
  bool NeedsMaintenance() const;
  // Background work until there is none or `stop` turns true (then OK or Cancelled, soon).
  absl::Status Maintain(const std::atomic<bool>& stop);
  // Seals everything, however small, then does the background work.
  absl::Status Optimize();
  // No manifest is written any more; the owner removes records and files.
  void Drop();

  // Adds to `report` what does not fit together. See Database::Verify.
  absl::Status Verify(VerifyReport& report) const;

 private:
  Shard(const ShardEnvironment& environment, Definition definition)
      : environment_(environment),
        definition_(std::make_shared<const Definition>(std::move(definition))) {}

  absl::Status Load();
  absl::Status OpenIndexes(const ShardManifest& manifest);
  absl::Status RestoreSegment(Slot slot, const index::SegmentRecord& segment);
  absl::Status Replay(storage::Sequence after);

  absl::Status CheckBindings(const std::map<Slot, ModelBinding>& bindings,
                             std::shared_ptr<const Definition>& updated) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::StatusOr<storage::Sequence> Append(const std::vector<PointChange>& changes,
                                           std::shared_ptr<const Definition> updated)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status UpdateIndexes(const Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status CommitManifest() ABSL_LOCKS_EXCLUDED(write_mutex_);
  // Keep count of the log that a start would replay.
  void LogGrew(storage::Sequence sequence, size_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  void LogTrimmed(storage::Sequence through) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  absl::StatusOr<bool> Passes(const FilterMatcher& matcher, const PointId& id,
                              const PointRecord& record, const Definition& definition) const;
  absl::StatusOr<std::vector<index::Label>> MatchingLabels(const Filter& filter, Slot slot) const;
  struct Found {
    std::vector<index::ScoredLabel> hits;
    index::SearchStats stats;
    std::optional<uint64_t> filter_matches;
    double filter_seconds = 0;
    double search_seconds = 0;
  };
  // The search itself. A filter is evaluated in the store and applied in the index: when a write
  // came in between, both are done again, in the end with writes held off.
  absl::StatusOr<Found> FindNearest(const NearestQuery& nearest, const Query& query,
                                    index::SearchParams params) const;
  absl::StatusOr<Found> FindOnce(const NearestQuery& nearest, const Query& query,
                                 index::SearchParams params) const;

  const ShardEnvironment environment_;
  std::vector<std::unique_ptr<index::VectorIndex>> indexes_;  // by slot; fixed after Load
  // By slot: every vector gets a number of its own. Changed by Load and under write_mutex_.
  std::vector<index::PointNumber> next_numbers_;
  std::atomic<uint64_t> points_ = 0;
  std::vector<std::string> repairs_;  // what Load found damaged and made anew; fixed after it

  mutable absl::Mutex maintain_mutex_;  // one thread does background work
  mutable absl::Mutex write_mutex_ ABSL_ACQUIRED_AFTER(maintain_mutex_);
  // Written under write_mutex_, read at any time.
  std::atomic<storage::Sequence> last_sequence_ = 0;
  std::atomic<size_t> log_bytes_ = 0;     // of the commands after contained_
  std::atomic<uint64_t> generation_ = 0;  // counts the beginnings and ends of writes
  storage::Sequence contained_ ABSL_GUARDED_BY(write_mutex_) = 0;
  std::deque<std::pair<storage::Sequence, size_t>> log_commands_ ABSL_GUARDED_BY(write_mutex_);
  bool dropped_ ABSL_GUARDED_BY(write_mutex_) = false;

  mutable absl::Mutex definition_mutex_ ABSL_ACQUIRED_AFTER(write_mutex_);
  std::shared_ptr<const Definition> definition_ ABSL_GUARDED_BY(definition_mutex_);
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_SHARD_H_
