// Opening, collections, models and care; database_write.cc and database_read.cc have the rest.

#include <algorithm>
#include <cmath>
#include <deque>
#include <filesystem>

#include "engine/database_impl.h"
#include "fmt/format.h"
#include "spdlog/spdlog.h"

namespace vecnest {

std::string_view Version() { return VECNEST_VERSION; }

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  return engine::DatabaseImpl::Open(options);
}

namespace engine {
namespace {

namespace fs = std::filesystem;

// A re-encoded text must come this close to what is stored (cosine distance).
constexpr double kReencodeTolerance = 1e-4;

absl::Status NotLoaded(const std::string& name, const absl::Status& reason) {
  return absl::Status(reason.code(), fmt::format("collection '{}' could not be loaded: {}", name,
                                                 std::string(reason.message())));
}

absl::Status NoCollection(const std::string& name) {
  return absl::NotFoundError(fmt::format("Collection `{}` doesn't exist!", name));
}

double CosineDistance(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return 1;
  double dot = 0;
  double a2 = 0;
  double b2 = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * b[i];
    a2 += double{a[i]} * a[i];
    b2 += double{b[i]} * b[i];
  }
  return a2 == 0 || b2 == 0 ? 0 : 1 - dot / std::sqrt(a2 * b2);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DatabaseImpl>> DatabaseImpl::Open(const DatabaseOptions& options) {
  if (options.directory.empty()) {
    return absl::InvalidArgumentError("directory: a path is expected");
  }
  if (!std::isfinite(options.rest_seconds) || options.rest_seconds < 0) {
    return absl::InvalidArgumentError(
        fmt::format("rest_seconds is {}, must be 0 or more", options.rest_seconds));
  }
  std::unique_ptr<DatabaseImpl> database(new DatabaseImpl(options));
  auto models = LoadedModels::Load(options.models, options.model_options);
  if (!models.ok()) return models.status();
  database->models_ = *std::move(models);
  std::error_code error;
  fs::create_directories(fs::path(options.directory) / "segments", error);
  if (error) {
    return absl::InvalidArgumentError(
        fmt::format("data directory {}: {}", options.directory, error.message()));
  }
  storage::Store::OpenOptions store_options;
  store_options.salvage_log = options.salvage_log;
  auto store =
      storage::Store::Open((fs::path(options.directory) / "store").string(), store_options);
  if (!store.ok()) return store.status();
  database->store_ = *std::move(store);
  auto log = storage::LocalWriteLog::Open(database->store_.get());
  if (!log.ok()) return log.status();
  database->log_ = *std::move(log);
  if (auto status = database->LoadCollections(); !status.ok()) return status;
  return database;
}

DatabaseImpl::~DatabaseImpl() {
  adapting_.reset();
  maintainer_.reset();
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, shard] : shards_) {
    if (auto status = shard->Close(); !status.ok()) {
      spdlog::warn("collection '{}': the next start takes longer: {}", name,
                   std::string(status.message()));
    }
  }
}

ShardEnvironment DatabaseImpl::EnvironmentFor(const Definition& definition) const {
  ShardEnvironment environment;
  environment.store = store_.get();
  environment.log = log_.get();
  environment.directory = (fs::path(options_.directory) / "segments" / definition.uuid()).string();
  environment.seal_threshold = options_.seal_threshold;
  return environment;
}

absl::Status DatabaseImpl::LoadCollections() {
  auto definitions = Shard::StoredDefinitions(*store_);
  if (!definitions.ok()) return definitions.status();
  maintainer_ = std::make_unique<Maintainer>(absl::Seconds(options_.rest_seconds));
  adapting_ = std::make_unique<Adapting>(
      *models_, [this](std::shared_ptr<Shard> shard) { maintainer_->Notify(std::move(shard)); });
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> directories;
  for (auto& [name, definition] : *definitions) {
    absl::Status status = definition.status();
    if (status.ok()) {
      const ShardEnvironment environment = EnvironmentFor(*definition);
      directories.push_back(environment.directory);
      auto shard = Shard::Open(environment, *definition);
      status = shard.status();
      if (status.ok()) {
        maintainer_->Notify(*shard);
        shards_[name] = *std::move(shard);
      }
    }
    if (!status.ok()) {
      spdlog::error("collection '{}' can't be loaded: {}", name, std::string(status.message()));
      failed_[name] = {status, definition.ok() ? std::optional(*definition) : std::nullopt};
    }
  }
  // A crash between removing a collection's records and its files leaves the files. While a
  // definition can't be read it is not known which files are its own.
  if (!failed_.empty()) return absl::OkStatus();
  std::error_code ignored;
  for (const auto& entry :
       fs::directory_iterator(fs::path(options_.directory) / "segments", ignored)) {
    if (std::count(directories.begin(), directories.end(), entry.path().string()) == 0) {
      fs::remove_all(entry.path(), ignored);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Shard>> DatabaseImpl::FindShard(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  if (const auto found = shards_.find(name); found != shards_.end()) return found->second;
  if (const auto failed = failed_.find(name); failed != failed_.end()) {
    return NotLoaded(name, failed->second.reason);
  }
  return NoCollection(name);
}

absl::Status DatabaseImpl::CreateCollection(const std::string& name,
                                            const CollectionConfig& config) {
  absl::MutexLock structure_lock(&structure_mutex_);
  if (HasCollection(name)) {
    return absl::AlreadyExistsError(fmt::format("Collection `{}` already exists!", name));
  }
  auto definition = Definition::Create(name, config);
  if (!definition.ok()) return definition.status();
  storage::Batch batch;
  Shard::AddCreation(*definition, batch);
  if (auto status = store_->Write(batch); !status.ok()) return status;
  if (auto status = store_->Sync(); !status.ok()) return status;
  auto shard = Shard::Open(EnvironmentFor(*definition), *definition);
  if (!shard.ok()) {
    if (auto status = RemoveRecords(*definition); !status.ok()) {
      spdlog::error("collection '{}' could not be made and comes back empty after a restart: {}",
                    name, std::string(status.message()));
    }
    return shard.status();
  }
  absl::MutexLock lock(&mutex_);
  shards_[name] = *std::move(shard);
  return absl::OkStatus();
}

absl::Status DatabaseImpl::UpdateCollection(const std::string& name,
                                            const CollectionUpdate& update) {
  auto shard = FindShard(name);
  if (!shard.ok()) return shard.status();
  if (auto status = (*shard)->Update(update); !status.ok()) return status;
  maintainer_->Notify(*shard);
  return absl::OkStatus();
}

absl::Status DatabaseImpl::RemoveRecords(const Definition& definition) {
  storage::Batch batch;
  Shard::AddRemoval(definition, batch);
  if (auto status = store_->Write(batch); !status.ok()) return status;
  return store_->Sync();
}

absl::StatusOr<bool> DatabaseImpl::DeleteCollection(const std::string& name) {
  absl::MutexLock structure_lock(&structure_mutex_);
  std::shared_ptr<Shard> shard;
  std::shared_ptr<const Definition> definition;
  {
    absl::MutexLock lock(&mutex_);
    if (const auto failed = failed_.find(name); failed != failed_.end()) {
      // Without its id nobody knows what it holds.
      if (!failed->second.definition) return NotLoaded(name, failed->second.reason);
      definition = std::make_shared<const Definition>(*failed->second.definition);
    } else {
      const auto found = shards_.find(name);
      if (found == shards_.end()) return false;
      shard = found->second;
    }
  }
  if (shard != nullptr) {
    adapting_->Cancel(*shard);
    // From here on nothing writes to it. When the removal fails it can be asked for again.
    shard->Drop();
    maintainer_->Leave(shard);
    definition = shard->definition();
  }
  if (auto status = RemoveRecords(*definition); !status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    shards_.erase(name);
    failed_.erase(name);
  }
  std::error_code ignored;
  fs::remove_all(EnvironmentFor(*definition).directory, ignored);
  return true;
}

bool DatabaseImpl::HasCollection(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  return shards_.contains(name) || failed_.contains(name);
}

std::vector<std::string> DatabaseImpl::CollectionNames() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> names;
  names.reserve(shards_.size() + failed_.size());
  for (const auto& [name, shard] : shards_) names.push_back(name);
  for (const auto& [name, status] : failed_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<CollectionInfo> DatabaseImpl::DescribeCollection(const std::string& name) const {
  {
    absl::MutexLock lock(&mutex_);
    if (const auto failed = failed_.find(name); failed != failed_.end()) {
      CollectionInfo info;
      info.name = name;
      info.error = std::string(failed->second.reason.message());
      return info;
    }
  }
  auto shard = FindShard(name);
  if (!shard.ok()) return shard.status();
  CollectionInfo info = (*shard)->Describe();
  info.optimized = info.optimized && !adapting_->Find(**shard).running() &&
                   !(maintainer_->ExpectsToSettle(*shard) && (*shard)->NeedsRest());
  return info;
}

absl::StatusOr<WriteResult> DatabaseImpl::CreatePayloadIndex(const std::string& collection,
                                                             const std::string& field,
                                                             const PayloadIndexConfig& config) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  auto params = ParseJsonObject(config.params, "params");
  if (!params.ok()) return params.status();
  return (*shard)->CreatePayloadIndex(field, {config.type, params->dump()});
}

absl::StatusOr<WriteResult> DatabaseImpl::DeletePayloadIndex(const std::string& collection,
                                                             const std::string& field) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  return (*shard)->DeletePayloadIndex(field);
}

absl::Status DatabaseImpl::StartAdapting(const std::string& collection,
                                         const AdaptRequest& request) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  return adapting_->Start(*std::move(shard), request);
}

absl::StatusOr<std::string> DatabaseImpl::ReadAdaptor(const std::string& collection,
                                                      const std::string& vector_name) const {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  auto slot = (*shard)->definition()->RequireSlot(vector_name);
  if (!slot.ok()) return slot.status();
  const auto adaptor = (*shard)->AdaptorOf(*slot);
  if (adaptor != nullptr) return adaptor->Encode();
  return absl::NotFoundError(
      fmt::format("collection '{}': vector '{}' has no adaptor; adapting it makes one", collection,
                  vector_name));
}

absl::StatusOr<AdaptJob> DatabaseImpl::FindAdaptJob(const std::string& collection) const {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  return adapting_->Find(**shard);
}

absl::StatusOr<bool> DatabaseImpl::CancelAdapting(const std::string& collection) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  return adapting_->Cancel(**shard);
}

absl::Status DatabaseImpl::Optimize(const std::string& collection) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  const absl::Status status = (*shard)->Optimize();
  maintainer_->Notify(*shard);  // of what came meanwhile
  return status;
}

absl::StatusOr<VerifyReport> DatabaseImpl::Verify(size_t sample) const {
  VerifyReport report;
  if (auto status = store_->VerifyChecksums(); !status.ok()) {
    report.problems.emplace_back(status.message());
  }
  for (const std::string& name : CollectionNames()) {
    auto shard = FindShard(name);
    absl::Status status = shard.status();
    if (status.ok()) status = (*shard)->Verify(report);
    if (status.ok()) status = VerifyTexts(**shard, sample, report);
    if (!status.ok()) {
      report.problems.push_back(
          fmt::format("collection '{}': {}", name, std::string(status.message())));
    }
  }
  return report;
}

absl::Status DatabaseImpl::VerifyTexts(const Shard& shard, size_t sample,
                                       VerifyReport& report) const {
  const auto definition = shard.definition();
  TextBatch batch(*models_, *definition);
  struct Sampled {
    PointId id;
    std::vector<float> vector;
    Text text;
    size_t ticket = 0;
  };
  std::deque<Sampled> sampled;  // the batch keeps views into the texts
  absl::Status failure;
  // Ids are spread over partitions by a hash: the first ones met are as good as random ones.
  auto status = shard.ForEach([&](const PointId& id, const PointRecord& record) {
    for (const SlotLabel& entry : record.labels) {
      const auto& identity = definition->slots[entry.slot].model_identity;
      if (identity.empty() || models_->FindIdentity(identity) == nullptr) continue;
      auto vector = shard.ReadVector(id, entry.slot);
      if (!vector.ok()) {
        failure = vector.status();
        return false;
      }
      if (!*vector || !(*vector)->text) continue;
      sampled.push_back(
          {id, std::move((*vector)->vector), {*(*vector)->text, "", (*vector)->prefix}});
      auto ticket = batch.Add(sampled.back().text, entry.slot, TextType::kDocument);
      if (!ticket.ok()) {
        failure = ticket.status();
        return false;
      }
      sampled.back().ticket = *ticket;
    }
    return sampled.size() < sample;
  });
  if (status.ok()) status = failure;
  if (status.ok()) {
    status = batch.Run([&](size_t i) { return fmt::format("point {}", sampled[i].id.ToString()); },
                       embedder::Priority::kBulk, {});
  }
  if (!status.ok()) return status;
  for (const Sampled& one : sampled) {
    const double distance = CosineDistance(one.vector, batch.result(one.ticket).vector);
    if (distance > kReencodeTolerance) {
      report.problems.push_back(fmt::format(
          "collection '{}': point {}: its text now encodes, in {}, to a vector at cosine distance "
          "{:.2g}",
          definition->name, one.id.ToString(), PrecisionName(options_.model_options.precision),
          distance));
    }
  }
  report.texts_reencoded += sampled.size();
  return absl::OkStatus();
}

}  // namespace engine
}  // namespace vecnest
