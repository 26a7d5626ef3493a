#include "storage/store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <utility>

#include "fmt/format.h"
#include "storage/keys.h"

namespace vecnest::storage {
namespace {

constexpr size_t kBlockCacheBytes = 64 << 20;
constexpr size_t kWriteBufferBytes = 32 << 20;
constexpr int kBloomBitsPerKey = 10;
constexpr double kBloomShareOfWriteBuffer = 0.02;
constexpr std::array<const char*, kFamilies> kFamilyNames = {"default", "points", "vectors", "log",
                                                             "indexes"};

absl::Status ToStatus(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = fmt::format("{}: {}", what, status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace()) return absl::InternalError(message + " (the disk is full)");
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return absl::UnavailableError(
        fmt::format("{} (is another process using this directory?)", message));
  }
  return absl::InternalError(message);
}

rocksdb::Slice ToSlice(std::string_view view) { return {view.data(), view.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::ColumnFamilyOptions FamilyOptions(const std::shared_ptr<rocksdb::Cache>& cache,
                                           bool compressible) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = kWriteBufferBytes;
  options.compression = compressible ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  return options;
}

}  // namespace

class Snapshot {
 public:
  explicit Snapshot(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
  ~Snapshot() { db_->ReleaseSnapshot(snapshot_); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB* const db_;
  const rocksdb::Snapshot* const snapshot_;
};

namespace {

rocksdb::ReadOptions ReadAt(const Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  if (snapshot != nullptr) options.snapshot = snapshot->get();
  return options;
}

class PrefixCursor final : public Cursor {
 public:
  PrefixCursor(std::unique_ptr<rocksdb::Iterator> iterator, std::string_view prefix,
               std::string_view start)
      : iterator_(std::move(iterator)), prefix_(prefix) {
    iterator_->Seek(ToSlice(start.empty() ? prefix : start));
  }
  bool Valid() const override {
    return iterator_->Valid() && iterator_->key().starts_with(ToSlice(prefix_));
  }
  void Next() override { iterator_->Next(); }
  std::string_view key() const override { return ToView(iterator_->key()); }
  std::string_view value() const override { return ToView(iterator_->value()); }
  absl::Status status() const override {
    return ToStatus(iterator_->status(), "reading the store");
  }

 private:
  const std::unique_ptr<rocksdb::Iterator> iterator_;
  const std::string prefix_;
};

}  // namespace

Batch::Batch() = default;
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;
Batch::~Batch() = default;

void Batch::Put(Family family, std::string_view key, std::string_view value) {
  operations_.push_back({Operation::Kind::kPut, family, std::string(key), std::string(value)});
}

void Batch::Delete(Family family, std::string_view key) {
  operations_.push_back({Operation::Kind::kDelete, family, std::string(key), {}});
}

void Batch::DeletePrefix(Family family, std::string_view prefix) {
  DeleteRange(family, prefix, PrefixEnd(std::string(prefix)));
}

void Batch::DeleteRange(Family family, std::string_view begin, std::string_view end) {
  operations_.push_back(
      {Operation::Kind::kDeleteRange, family, std::string(begin), std::string(end)});
}

struct Store::Impl {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;

  ~Impl() {
    for (auto* handle : families) db->DestroyColumnFamilyHandle(handle);
    if (db != nullptr) db->Close().PermitUncheckedError();
  }
  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return families[static_cast<size_t>(family)];
  }
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& directory,
                                                   const OpenOptions& open_options) {
  rocksdb::DBOptions options;
  // The default stops silently at damage in the middle and forgets what was acknowledged after it.
  options.wal_recovery_mode = open_options.salvage_log
                                  ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                  : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  // Where the system refuses, they keep the process's priority.
  for (const auto pool : {rocksdb::Env::HIGH, rocksdb::Env::LOW}) {
    options.env->LowerThreadPoolCPUPriority(pool, rocksdb::CpuPriority::kLow);
  }
  options.keep_log_file_num = 4;
  options.max_total_wal_size = 4 * kWriteBufferBytes;

  const auto cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (int i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    const bool compressible = family == Family::kMeta || family == Family::kPoints;
    auto& descriptor =
        descriptors.emplace_back(kFamilyNames[i], FamilyOptions(cache, compressible));
    if (family != Family::kPoints && family != Family::kVectors) continue;
    // While others come in, most of what is looked up is in files, not in the write buffers.
    descriptor.options.memtable_whole_key_filtering = true;
    descriptor.options.memtable_prefix_bloom_size_ratio = kBloomShareOfWriteBuffer;
  }
  auto impl = std::make_unique<Impl>();
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(options, directory, descriptors, &impl->families, &db);
  impl->db.reset(db);
  if (status.IsIOError() && status.ToString().find("LOCK") != std::string::npos) {
    return absl::UnavailableError(
        fmt::format("{} is in use by another process: stop it, or ask its server", directory));
  }
  if (!status.ok()) return ToStatus(status, fmt::format("opening the store in {}", directory));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

absl::StatusOr<std::optional<std::string>> Store::Get(Family family, std::string_view key,
                                                      const Snapshot* snapshot) const {
  std::string value;
  const auto status = impl_->db->Get(ReadAt(snapshot), impl_->handle(family), ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return ToStatus(status, "reading the store");
  return value;
}

absl::StatusOr<std::vector<std::optional<std::string>>> Store::MultiGet(
    Family family, const std::vector<std::string>& keys, const Snapshot* snapshot) const {
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  impl_->db->MultiGet(ReadAt(snapshot), impl_->handle(family), keys.size(), slices.data(),
                      values.data(), statuses.data());
  std::vector<std::optional<std::string>> found(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    if (!statuses[i].ok()) return ToStatus(statuses[i], "reading the store");
    found[i] = values[i].ToString();
  }
  return found;
}

std::unique_ptr<Cursor> Store::Scan(Family family, std::string_view prefix, std::string_view start,
                                    const Snapshot* snapshot) const {
  std::unique_ptr<rocksdb::Iterator> iterator(
      impl_->db->NewIterator(ReadAt(snapshot), impl_->handle(family)));
  return std::make_unique<PrefixCursor>(std::move(iterator), prefix, start);
}

std::shared_ptr<const Snapshot> Store::TakeSnapshot() const {
  return std::make_shared<const Snapshot>(impl_->db.get());
}

absl::Status Store::Write(const Batch& batch) {
  rocksdb::WriteBatch writes;
  for (const auto& operation : batch.operations_) {
    auto* handle = impl_->handle(operation.family);
    rocksdb::Status status;
    switch (operation.kind) {
      case Batch::Operation::Kind::kPut:
        status = writes.Put(handle, operation.key, operation.value);
        break;
      case Batch::Operation::Kind::kDelete:
        status = writes.Delete(handle, operation.key);
        break;
      case Batch::Operation::Kind::kDeleteRange:
        status = writes.DeleteRange(handle, operation.key, operation.value);
        break;
    }
    if (!status.ok()) return ToStatus(status, "collecting a batch");
  }
  return ToStatus(impl_->db->Write(rocksdb::WriteOptions(), &writes), "writing to the store");
}

absl::Status Store::Sync() { return ToStatus(impl_->db->SyncWAL(), "syncing the store"); }

absl::Status Store::VerifyChecksums() const {
  return ToStatus(impl_->db->VerifyChecksum(), "verifying the store");
}

uint64_t Store::DiskBytes() const {
  uint64_t total = 0;
  for (auto* handle : impl_->families) {
    uint64_t bytes = 0;
    if (impl_->db->GetIntProperty(handle, rocksdb::DB::Properties::kLiveSstFilesSize, &bytes)) {
      total += bytes;
    }
  }
  return total;
}

}  // namespace vecnest::storage
