// Where imported points go: a data directory, or a server.
#ifndef VECNEST_NET_CLI_IMPORT_TARGET_H_
#define VECNEST_NET_CLI_IMPORT_TARGET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "net/cli/commands.h"
#include "vecnest/database.h"

namespace vecnest::cli {

// What became of a batch.
struct ImportedBatch {
  uint64_t points = 0;  // a document may become several
  std::vector<ModelUsage> usage;
};

// Not thread-safe.
class ImportTarget {
 public:
  virtual ~ImportTarget() = default;
  // The collection's uuid, which another collection of the same name does not have; empty when
  // there is none.
  virtual absl::StatusOr<std::string> CollectionIdentity(const std::string& collection) = 0;
  // Creates the collection when it is missing; `first` tells the width when it carries a vector,
  // otherwise the model does.
  virtual absl::Status EnsureCollection(const std::string& collection, Metric metric,
                                        const Point& first) = 0;
  // All or nothing, on the disk when it returns.
  virtual absl::StatusOr<ImportedBatch> Upsert(const std::string& collection,
                                               const std::vector<Point>& points) = 0;
  // The most tokens that any of the models reads; 0 without models.
  virtual absl::StatusOr<int> MostTokens() = 0;
  // After the last batch.
  virtual absl::Status Finish(const std::string& collection) = 0;
};

absl::StatusOr<std::unique_ptr<ImportTarget>> OpenDirectoryTarget(const std::string& directory,
                                                                  const ModelFlags& models);
absl::StatusOr<std::unique_ptr<ImportTarget>> OpenServerTarget(const std::string& url,
                                                               const std::string& api_key,
                                                               const std::string& model);

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_IMPORT_TARGET_H_
