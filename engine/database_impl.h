// The engine behind vecnest::Database.
#ifndef VECNEST_ENGINE_DATABASE_IMPL_H_
#define VECNEST_ENGINE_DATABASE_IMPL_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "engine/adapting.h"
#include "engine/maintainer.h"
#include "engine/models.h"
#include "engine/shard.h"
#include "vecnest/database.h"

namespace vecnest::engine {

class DatabaseImpl final : public Database {
 public:
  static absl::StatusOr<std::unique_ptr<DatabaseImpl>> Open(const DatabaseOptions& options);
  ~DatabaseImpl() override;

  absl::Status CreateCollection(const std::string& name, const CollectionConfig& config) override;
  absl::Status UpdateCollection(const std::string& name, const CollectionUpdate& update) override;
  absl::StatusOr<bool> DeleteCollection(const std::string& name) override;
  bool HasCollection(const std::string& name) const override;
  std::vector<std::string> CollectionNames() const override;
  absl::StatusOr<CollectionInfo> DescribeCollection(const std::string& name) const override;
  absl::StatusOr<WriteResult> CreatePayloadIndex(const std::string& collection,
                                                 const std::string& field,
                                                 const PayloadIndexConfig& config) override;
  absl::StatusOr<WriteResult> DeletePayloadIndex(const std::string& collection,
                                                 const std::string& field) override;

  absl::Status StartAdapting(const std::string& collection, const AdaptRequest& request) override;
  absl::StatusOr<std::string> ReadAdaptor(const std::string& collection,
                                          const std::string& vector_name) const override;
  absl::StatusOr<AdaptJob> FindAdaptJob(const std::string& collection) const override;
  absl::StatusOr<bool> CancelAdapting(const std::string& collection) override;

  absl::StatusOr<WriteResult> Upsert(const std::string& collection, std::vector<Point> points,
                                     const WriteOptions& options) override;
  absl::StatusOr<WriteResult> UpdateVectors(const std::string& collection,
                                            std::vector<std::pair<PointId, NamedInputs>> vectors,
                                            const WriteOptions& options) override;
  absl::StatusOr<WriteResult> DeleteVectors(const std::string& collection,
                                            const PointSelector& points,
                                            const std::vector<std::string>& names,
                                            const WriteOptions& options) override;
  absl::StatusOr<WriteResult> Delete(const std::string& collection, const PointSelector& points,
                                     const WriteOptions& options) override;
  absl::StatusOr<WriteResult> SetPayload(const std::string& collection, const PointSelector& points,
                                         const std::string& payload, PayloadChange change,
                                         const std::string& key,
                                         const WriteOptions& options) override;
  absl::StatusOr<WriteResult> DeletePayloadKeys(const std::string& collection,
                                                const PointSelector& points,
                                                const std::vector<std::string>& keys,
                                                const WriteOptions& options) override;
  absl::StatusOr<WriteResult> ClearPayload(const std::string& collection,
                                           const PointSelector& points,
                                           const WriteOptions& options) override;

  absl::StatusOr<std::vector<Record>> Retrieve(const std::string& collection,
                                               const std::vector<PointId>& ids,
                                               const PayloadSelector& with_payload,
                                               const VectorSelector& with_vectors) const override;
  absl::StatusOr<ScrollPage> Scroll(const std::string& collection, const ScrollRequest& request,
                                    const CallLimits& limits) const override;
  absl::StatusOr<uint64_t> Count(const std::string& collection, const std::optional<Filter>& filter,
                                 const CallLimits& limits) const override;
  absl::StatusOr<std::vector<FacetHit>> Facet(const std::string& collection,
                                              const FacetRequest& request,
                                              const CallLimits& limits) const override;
  // One at a time: ResourceExhausted beside another one.
  absl::StatusOr<WidthReport> MeasureWidths(const std::string& collection,
                                            const std::string& vector_name,
                                            const CallLimits& limits) const override;
  absl::StatusOr<GeometryReport> MeasureGeometry(const std::string& collection,
                                                 const GeometryRequest& request,
                                                 const CallLimits& limits) const override;
  absl::StatusOr<std::vector<QueryAnswer>> SearchBatch(const std::string& collection,
                                                       const std::vector<Query>& queries,
                                                       const CallLimits& limits) const override;

  const TextEmbedder& embedder() const override { return *models_; }

  absl::Status Optimize(const std::string& collection) override;
  absl::StatusOr<VerifyReport> Verify(size_t sample) const override;

 private:
  explicit DatabaseImpl(const DatabaseOptions& options) : options_(options) {}

  absl::Status LoadCollections();
  ShardEnvironment EnvironmentFor(const Definition& definition) const;
  // From the store, durably.
  absl::Status RemoveRecords(const Definition& definition);
  absl::StatusOr<std::shared_ptr<Shard>> FindShard(const std::string& name) const;

  // Adds the vectors to the changes, checked or made from their texts, and writes them. `complete`
  // runs with writes held off: it refuses the changes or adds some.
  using Complete = absl::FunctionRef<absl::Status(std::vector<PointChange>& changes)>;
  absl::StatusOr<WriteResult> WriteVectors(Shard& shard, std::vector<PointChange> changes,
                                           const std::vector<NamedInputs*>& inputs,
                                           Complete complete, const WriteOptions& options);
  // Changes the payload of every selected point by `edit`.
  using PayloadEdit = absl::FunctionRef<void(Json&)>;
  absl::StatusOr<WriteResult> EditPayload(const std::string& collection,
                                          const PointSelector& points, PayloadEdit edit,
                                          const WriteOptions& options);
  absl::StatusOr<QueryAnswer> Listing(const Shard& shard, const Query& query,
                                      const CallLimits& limits) const;
  // Nothing where there are no texts, or no model that has a prefix for them.
  absl::StatusOr<std::optional<GeometryReport::Prompt>> MeasurePrompt(
      const Shard& shard, Slot slot, const GeometryRequest& request,
      const CallLimits& limits) const;
  absl::Status VerifyTexts(const Shard& shard, size_t sample, VerifyReport& report) const;

  const DatabaseOptions options_;
  std::unique_ptr<LoadedModels> models_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::WriteLog> log_;

  mutable absl::Mutex mutex_;  // held shortly; not while a shard works
  std::map<std::string, std::shared_ptr<Shard>> shards_ ABSL_GUARDED_BY(mutex_);
  // Collections that could not be loaded, with the reason and, where it could be read, what they
  // are.
  struct Failed {
    absl::Status reason;
    std::optional<Definition> definition;
  };
  std::map<std::string, Failed> failed_ ABSL_GUARDED_BY(mutex_);
  // Creating and deleting collections happens one at a time.
  mutable absl::Mutex widths_mutex_;    // held while widths are measured
  mutable absl::Mutex geometry_mutex_;  // held while a geometry is measured
  absl::Mutex structure_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);

  // Last, so that their threads end before what they work on goes.
  std::unique_ptr<Maintainer> maintainer_;
  std::unique_ptr<Adapting> adapting_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_DATABASE_IMPL_H_
