// One RocksDB per node: column families, atomic batches, cursors.
#ifndef VECNEST_STORAGE_STORE_H_
#define VECNEST_STORAGE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vecnest::storage {

enum class Family {
  kMeta,     // collections, manifests, counters: few small records
  kPoints,   // payload and versions, one record a point
  kVectors,  // vector and source text, one record a point and named vector
  kLog,      // commands by sequence, until segment files contain them
  kIndexes,  // checkpoints of payload indexes, and what changed since
};
inline constexpr int kFamilies = 5;

// Changes that become visible and durable together or not at all. Not thread-safe.
class Batch {
 public:
  Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;
  ~Batch();

  void Put(Family family, std::string_view key, std::string_view value);
  void Delete(Family family, std::string_view key);
  // Removes every key that starts with `prefix`.
  void DeletePrefix(Family family, std::string_view prefix);
  // Removes keys in [begin, end).
  void DeleteRange(Family family, std::string_view begin, std::string_view end);

 private:
  friend class Store;
  struct Operation {
    enum class Kind { kPut, kDelete, kDeleteRange } kind;
    Family family;
    std::string key;
    std::string value;  // of kPut; the end of the range of kDeleteRange
  };
  std::vector<Operation> operations_;
};

// Walks the keys that start with a prefix in ascending order, over the store as it was when the
// cursor was made. Views are valid until Next. Not thread-safe.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // False at the end or after an error: look at status() then.
  virtual bool Valid() const = 0;
  virtual void Next() = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual absl::Status status() const = 0;
};

// A consistent state of the store to read from, kept while it lives.
class Snapshot;

// Thread-safe. Errors: Unavailable when another process holds the directory, DataLoss when
// RocksDB reports corruption, Internal otherwise (a full disk says so).
class Store {
 public:
  struct OpenOptions {
    // Damage within the write-ahead log is DataLoss. True: open with what stands before it, and
    // lose what comes after.
    bool salvage_log = false;
  };
  // Creates the directory and the column families when missing. Flushes and compactions run at nice
  // 19 from then on: those of every RocksDB in the process, whose threads are the same.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory,
                                                     const OpenOptions& options);
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory) {
    return Open(directory, OpenOptions());
  }
  ~Store();

  absl::StatusOr<std::optional<std::string>> Get(Family family, std::string_view key,
                                                 const Snapshot* snapshot = nullptr) const;
  // In the order of `keys`.
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      Family family, const std::vector<std::string>& keys,
      const Snapshot* snapshot = nullptr) const;

  // Keys with `prefix` from `start` on (a full key; empty: from the first).
  std::unique_ptr<Cursor> Scan(Family family, std::string_view prefix, std::string_view start = {},
                               const Snapshot* snapshot = nullptr) const;

  std::shared_ptr<const Snapshot> TakeSnapshot() const;

  // Applies the batch atomically. It survives the death of the process when this returns, and
  // a power cut once Sync has returned after it.
  absl::Status Write(const Batch& batch);
  absl::Status Sync();

  // Re-reads every block and compares its checksum.
  absl::Status VerifyChecksums() const;

  // Bytes of live files.
  uint64_t DiskBytes() const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecnest::storage

#endif  // VECNEST_STORAGE_STORE_H_
