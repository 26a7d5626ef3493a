// NDJSON of any length into a collection, line by line.
#ifndef VECNEST_NET_BULK_IMPORT_H_
#define VECNEST_NET_BULK_IMPORT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "net/codec_usage.h"
#include "net/http.h"
#include "net/json_fields.h"
#include "vecnest/database.h"

namespace vecnest::net {

// For all lines of an import.
struct BulkOptions {
  std::optional<Chunking> chunk;  // of texts that do not ask for chunks themselves
  bool truncate = true;           // false: texts that are too long fail, whatever they say
};

// chunk_max_tokens, chunk_overlap and truncate of the request's query.
absl::StatusOr<BulkOptions> ReadBulkOptions(const std::map<std::string, std::string>& query);

// One import. Lines that fail are remembered and do not keep the others out. Not thread-safe.
class BulkImport {
 public:
  // `stop`: ends the import, see stopped().
  BulkImport(std::shared_ptr<Database> database, std::string collection,
             const BulkOptions& options = {}, std::stop_token stop = {});

  // Takes the next part of the body, cut anywhere.
  void Feed(std::string_view part);
  // After the last part: writes what is left and syncs it. The answer is NDJSON: one object a
  // failed line, {"line", "error"}, then {"imported", "failed", "status"}, and for texts "points",
  // "tokens", "truncated", "truncated_ids" (the first ones) and "usage". 200 when every line got
  // in, 207 when some did not.
  Response Finish();

  // Lines were not imported because `stop` asked for it: Finish's answer does not list them.
  bool stopped() const { return stopped_; }

  // Read by the encoder so far.
  uint64_t tokens() const { return TokensOf(usage_); }

 private:
  void TakeLine(std::string_view line);
  void ApplyOptions(Point& point) const;
  void Flush();
  void Count(const WriteResult& result);
  void Fail(uint64_t line, const absl::Status& status);

  const std::shared_ptr<Database> database_;
  const std::string collection_;
  const BulkOptions options_;
  const std::stop_token stop_;
  bool stopped_ = false;
  std::string partial_;    // an unfinished line
  bool skipping_ = false;  // the rest of a line that is too long
  uint64_t line_ = 0;
  struct Pending {
    uint64_t line;
    Point point;
  };
  std::vector<Pending> pending_;
  size_t pending_bytes_ = 0;
  uint64_t imported_ = 0;
  uint64_t failed_ = 0;
  uint64_t points_ = 0;  // written; a document may be several
  std::vector<ModelUsage> usage_;
  uint64_t truncated_ = 0;
  Json truncated_ids_ = Json::array();
  std::string report_;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_BULK_IMPORT_H_
