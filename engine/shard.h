// The points of one collection on this node: the write path, the reads, the search.
//
// The way of a write: the caller decides on changes while the write lock is held, the log gives
// them a sequence and commits them with the records they make, the indexes follow, the lock is
// released, and the caller waits for the disk. Lock order: adapt_mutex_, seal_mutex_ or
// merge_mutex_, index_mutex_, manifest_mutex_, write_mutex_, definition_mutex_ or indexes_mutex_.
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
#include "engine/conversions.h"
#include "engine/definition.h"
#include "engine/effects.h"
#include "engine/filter_match.h"
#include "engine/payload_index/payload_indexes.h"
#include "engine/record.h"
#include "engine/slot_index.h"
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

// How far the making of an index is; looked at by other threads.
struct IndexingProgress {
  std::atomic<size_t> vectors = 0;  // to be indexed
  std::atomic<size_t> written = 0;
  std::atomic<size_t> linked = 0;  // see GraphParams
};

struct NearestQuery {
  Slot slot = 0;
  std::vector<float> vector;
  std::optional<PointId> excluded;
  // Only the dimensions that are compared were given; the others are zeros.
  bool prefix = false;
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
  absl::Status Update(const CollectionUpdate& update);
  CollectionInfo Describe() const;
  uint64_t points() const { return points_.load(std::memory_order_relaxed); }

  // Builds the index beside reads and writes. InvalidArgument: `field` is no path.
  absl::StatusOr<WriteResult> CreatePayloadIndex(const std::string& field,
                                                 const PayloadIndexConfig& config);
  absl::StatusOr<WriteResult> DeletePayloadIndex(const std::string& field);

  // Holds a write of so many vectors up while too many of the collection wait for a graph, of the
  // named vector that has most of them (write_delay.h). Called without locks, before Write.
  absl::Status AwaitGraphs(size_t vectors, const CallLimits& limits) const;

  // Runs `decide` with writes held off, so that what it reads stays true until its changes are in.
  // No changes: nothing is written. `bindings` are checked and remembered with the changes.
  using Decide = absl::FunctionRef<absl::StatusOr<std::vector<PointChange>>()>;
  absl::StatusOr<WriteResult> Write(Decide decide, const std::map<Slot, ModelBinding>& bindings,
                                    Durability durability);

  // Existing points among `ids` (each once), in that order.
  absl::StatusOr<std::vector<StoredPoint>> Read(const std::vector<PointId>& ids) const;
  // Visits every point, in no order, until `visit` returns false.
  using Visit = absl::FunctionRef<bool(const PointId&, const PointRecord&)>;
  absl::Status ForEach(Visit visit) const { return ForEachAt(nullptr, visit); }
  // The points that pass, as they are at one moment; all when there is no filter. In the order of
  // ids, from `start` on.
  absl::Status ForEachOrdered(const Filter* filter, const std::optional<PointId>& start,
                              const CallLimits& limits, Visit visit) const;
  absl::StatusOr<uint64_t> Count(const Filter& filter, const CallLimits& limits) const;
  absl::StatusOr<std::vector<FacetHit>> Facet(const FacetRequest& request,
                                              const CallLimits& limits) const;
  // Points that a selector means; ids that do not exist are left out.
  absl::StatusOr<std::vector<StoredPoint>> Select(const PointSelector& selector,
                                                  const CallLimits& limits) const;

  absl::StatusOr<std::optional<NamedVectors>> ReadVectors(const StoredPoint& point,
                                                          const VectorSelector& selector) const;
  // The stored vector of one point; nothing when it has none in this slot.
  absl::StatusOr<std::optional<VectorRecord>> ReadVector(const PointId& id, Slot slot) const;

  // Best first; `query` gives everything but the vector. Fills `plan` when not null.
  absl::StatusOr<std::vector<ScoredPoint>> Nearest(const NearestQuery& nearest, const Query& query,
                                                   const CallLimits& limits, QueryPlan* plan) const;

  // What the vectors of a slot go through on their way into the index; null: nothing.
  std::shared_ptr<const embedder::Adaptor> AdaptorOf(Slot slot) const;

  // See Database::MeasureWidths.
  absl::StatusOr<WidthReport> MeasureWidths(Slot slot, const CallLimits& limits) const;

  // Up to so many stored vectors of a slot, one behind the other, evenly drawn.
  absl::StatusOr<std::vector<float>> SampleVectors(Slot slot, size_t count, uint64_t seed,
                                                   const std::atomic<bool>& stop) const;
  // Makes the index of a slot anew, of the stored vectors as `adaptor` rotates them (null: as they
  // are), beside reads and writes, and puts it in the old one's place with one commit. Cancelled
  // soon after `stop` turned true; after any error everything is as it was. Meanwhile, for the last
  // of it, Seal finds nothing to do.
  absl::Status SetAdaptor(Slot slot, std::shared_ptr<const embedder::Adaptor> adaptor,
                          const std::atomic<bool>& stop, IndexingProgress& progress);

  // True while Seal or Merge has something to do.
  bool NeedsMaintenance() const;
  // Background work: at most one piece for each vector, so that other shards have their turn. True
  // when there may be more. The two may run beside each other. Seal gives vectors graphs and keeps
  // the log short; Merge makes fewer segments of them. Soon over when `stop` turns true, with false
  // or Cancelled.
  absl::StatusOr<bool> Seal(const std::atomic<bool>& stop);
  absl::StatusOr<bool> Merge(const std::atomic<bool>& stop);
  // The same for a shard that hardly anything is written to (VectorIndex). Unavailable
  // while other work of the kind is under way. Meanwhile Seal, or Merge, may find nothing to do:
  // have it look again afterwards.
  absl::StatusOr<bool> SealAtRest(const std::atomic<bool>& stop);
  absl::StatusOr<bool> MergeAtRest(const std::atomic<bool>& stop);
  // True while one of these has something to do.
  bool NeedsRest() const;
  // How many vectors have been written since the shard was opened. Thread-safe.
  uint64_t written_vectors() const { return written_vectors_; }
  // Seals everything, however small, then does the background work, at rest, too.
  absl::Status Optimize();
  // Writes what makes the next start fast.
  absl::Status Close();
  // No manifest is written any more; the owner removes records and files.
  void Drop();

  // Adds to `report` what does not fit together. See Database::Verify.
  absl::Status Verify(VerifyReport& report) const;

 private:
  Shard(const ShardEnvironment& environment, Definition definition)
      : environment_(environment),
        payload_indexes_(definition.slots.size()),
        definition_(std::make_shared<const Definition>(std::move(definition))) {}

  absl::Status Load();
  absl::Status OpenIndexes(const ShardManifest& manifest);
  absl::StatusOr<SlotIndex::OpenResult> OpenIndex(const index::Manifest& manifest, Slot slot) const;
  absl::Status RestoreSegment(Slot slot, SlotIndex& index, const index::SegmentRecord& segment);
  // Of the points that the changes are about, as they are stored.
  absl::StatusOr<std::vector<PointNumber>> NumbersOf(const std::vector<PointChange>& changes) const;
  absl::Status Replay(storage::Sequence after);

  // Payload indexes: checkpoint and later changes, or everything anew from the records.
  absl::Status LoadPayloadIndexes();
  absl::StatusOr<bool> LoadCheckpoint();
  absl::Status AssignMissingNumbers();
  absl::Status Rebuild(PayloadIndexes& indexes) const;
  absl::StatusOr<FieldIndex> BuildField(const std::string& field, const PayloadIndexConfig& config,
                                        const storage::Snapshot* snapshot) const;
  // Points that commands after `after` changed, as they are now.
  struct Changes {
    Roaring numbers;
    std::vector<PayloadIndexes::StoredNumber> points;
    size_t count = 0;
  };
  absl::StatusOr<Changes> ChangesAfter(storage::Sequence after) const;
  bool NeedsCheckpoint() const;
  absl::Status WriteCheckpoint() ABSL_LOCKS_EXCLUDED(index_mutex_);
  absl::Status WriteCheckpointNow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mutex_)
      ABSL_LOCKS_EXCLUDED(write_mutex_);
  // Stores the definition, durably, and makes it the current one.
  absl::Status StoreDefinition(std::shared_ptr<const Definition> updated)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status VerifyPayloadIndexes(std::string& difference) const;

  using SlotIndexes = std::vector<std::shared_ptr<SlotIndex>>;
  std::string IndexDirectory(Slot slot, uint32_t generation) const;
  index::IndexConfig IndexConfigOf(const SlotDefinition& slot) const;
  std::shared_ptr<SlotIndex> IndexOf(Slot slot) const;
  SlotIndexes Indexes() const;

  // What is live in an index with a label above `after`, and the store as it is at that moment.
  struct Moment {
    std::vector<index::Entry> entries;
    std::shared_ptr<const storage::Snapshot> snapshot;
  };
  absl::StatusOr<Moment> MomentOf(const SlotIndex& index, index::Label after) const
      ABSL_LOCKS_EXCLUDED(write_mutex_);
  class VectorReader;
  absl::Status CatchUp(Slot slot, const Moment& moment, SlotIndex& next,
                       const std::atomic<bool>& stop) const;
  // False: part of `next` would be lost by a restart until more of it is sealed.
  absl::StatusOr<bool> TrySwitch(Slot slot, const std::shared_ptr<SlotIndex>& next,
                                 uint32_t generation, index::Label copied);

  static absl::Status OptimizeIndex(index::VectorIndex& index);
  size_t MostUnsealed() const;
  // A piece of one kind of work for each vector; true when there was any.
  using BackgroundWork = absl::StatusOr<bool> (index::VectorIndex::*)(const std::atomic<bool>*);
  absl::StatusOr<bool> WorkOnEach(BackgroundWork work, const std::atomic<bool>& stop);
  absl::StatusOr<bool> WorkAtRest(absl::Mutex& mutex, BackgroundWork work,
                                  const std::atomic<bool>& stop);
  bool IsDropped() const;
  absl::Status CheckAdapted(const std::vector<PointChange>& changes) const;
  absl::Status CheckBindings(const std::map<Slot, ModelBinding>& bindings,
                             std::shared_ptr<const Definition>& updated) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::StatusOr<storage::Sequence> Append(const std::vector<PointChange>& changes,
                                           std::shared_ptr<const Definition> updated)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  // An error of one vector does not keep the others out.
  absl::Status UpdateIndexes(const Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status CommitManifest() ABSL_LOCKS_EXCLUDED(manifest_mutex_, write_mutex_);
  // Writes `batch` with the manifest of these indexes.
  absl::StatusOr<ShardManifest> WriteManifest(const SlotIndexes& indexes, storage::Batch batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(manifest_mutex_, write_mutex_);
  // Keep count of the log that a start would replay.
  void LogGrew(storage::Sequence sequence, size_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  void LogTrimmed(storage::Sequence through) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  absl::Status ForEachAt(const storage::Snapshot* snapshot, Visit visit) const;
  absl::StatusOr<std::vector<StoredPoint>> ReadAt(const std::vector<PointId>& ids,
                                                  const storage::Snapshot* snapshot) const;

  // Runs `work` until no write came in between, in the end with writes held off, so that what it
  // reads of the store and of the indexes belongs together.
  template <typename Work>
  auto Undisturbed(Work work) const;

  // A filter at one moment: what the indexes know, and the store to look the rest up in.
  struct View {
    std::shared_ptr<const storage::Snapshot> snapshot;
    std::shared_ptr<const Definition> definition;
    std::optional<FilterMatcher> matcher;
    FilterEvaluation evaluation;
    // Of the points that have to be read; nothing when they are so many that all are read.
    std::optional<std::vector<NumberedKey>> keys;  // sorted
    const CallLimits* limits = nullptr;            // of the call, which may end it
    mutable uint64_t points = 0;                   // looked at so far
    mutable uint64_t payloads = 0;                 // those of which the payload was
  };
  enum class Wanted { kNumbers, kPoints };
  absl::StatusOr<View> Evaluate(const Filter& filter, Wanted wanted,
                                const CallLimits& limits) const;
  absl::StatusOr<bool> Passes(const View& view, const PointId& id, const PointRecord& record) const;
  // Visits the point if it passes; false: `visit` wants no more.
  absl::StatusOr<bool> Offer(const View& view, const PointId& id, const PointRecord& record,
                             Visit visit) const;
  // The points of the view's keys that pass, in order.
  absl::Status ForEachKey(const View& view, const std::optional<PointId>& start, Visit visit) const;
  // The points that pass, in no order.
  absl::Status ForEachPassing(const View& view, Visit visit) const;
  absl::StatusOr<Roaring> PassingNumbers(const View& view) const;

  struct Found {
    std::vector<index::ScoredLabel> hits;
    index::SearchStats stats;
    std::optional<uint64_t> filter_matches;
    FilterEvaluation evaluation;
    uint64_t filter_payloads = 0;
    double filter_seconds = 0;
    double search_seconds = 0;
  };
  // The search itself. A filter is evaluated on payloads and applied in the index, so both have to
  // be undisturbed.
  absl::StatusOr<Found> FindNearest(const NearestQuery& nearest, const Query& query,
                                    const CallLimits& limits, index::SearchParams params) const;

  const ShardEnvironment environment_;
  mutable absl::Mutex indexes_mutex_ ABSL_ACQUIRED_AFTER(write_mutex_);
  SlotIndexes indexes_ ABSL_GUARDED_BY(indexes_mutex_);  // by slot; replaced under write_mutex_
  std::atomic<uint64_t> points_ = 0;
  std::vector<std::string> repairs_;  // what Load found damaged and made anew; fixed after it

  // One thread at a time does each kind of background work, and one commits what came of it.
  absl::Mutex adapt_mutex_;
  absl::Mutex seal_mutex_ ABSL_ACQUIRED_AFTER(adapt_mutex_);
  absl::Mutex merge_mutex_;
  absl::Mutex manifest_mutex_ ABSL_ACQUIRED_AFTER(index_mutex_);
  // Held while an index is built and while a checkpoint is written.
  mutable absl::Mutex index_mutex_ ABSL_ACQUIRED_AFTER(seal_mutex_, merge_mutex_);
  mutable absl::Mutex write_mutex_ ABSL_ACQUIRED_AFTER(manifest_mutex_);
  // Written under write_mutex_, read at any time.
  std::atomic<storage::Sequence> last_sequence_ = 0;
  std::atomic<size_t> log_bytes_ = 0;  // of the commands after contained_
  std::atomic<uint64_t> written_vectors_ = 0;
  std::atomic<uint64_t> generation_ = 0;  // counts the beginnings and ends of writes
  storage::Sequence contained_ ABSL_GUARDED_BY(write_mutex_) = 0;
  std::deque<std::pair<storage::Sequence, size_t>> log_commands_ ABSL_GUARDED_BY(write_mutex_);
  bool dropped_ ABSL_GUARDED_BY(write_mutex_) = false;
  // Points changed since the last checkpoint of the payload indexes; the same one counts each time.
  std::atomic<size_t> changed_points_ = 0;
  PayloadIndexes payload_indexes_;  // changed under write_mutex_

  mutable absl::Mutex definition_mutex_ ABSL_ACQUIRED_AFTER(write_mutex_);
  std::shared_ptr<const Definition> definition_ ABSL_GUARDED_BY(definition_mutex_);
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_SHARD_H_
