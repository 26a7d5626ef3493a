// NDJSON of any length into a collection, line by line.
#ifndef VECNEST_NET_BULK_IMPORT_H_
#define VECNEST_NET_BULK_IMPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "vecnest/database.h"

namespace vecnest::net {

// One import. Lines that fail are remembered and do not keep the others out. Not thread-safe.
class BulkImport {
 public:
  BulkImport(std::shared_ptr<Database> database, std::string collection);

  // Takes the next part of the body, cut anywhere.
  void Feed(std::string_view part);
  // After the last part: writes what is left and syncs it. The answer is NDJSON: one object a
  // failed line, {"line", "error"}, then {"imported", "failed", "status"}. 200 when every line got
  // in, 207 when some did not.
  Response Finish();

  // Read by the encoder so far.
  uint64_t tokens() const { return tokens_; }

 private:
  void TakeLine(std::string_view line);
  void Flush();
  void Fail(uint64_t line, const absl::Status& status);

  const std::shared_ptr<Database> database_;
  const std::string collection_;
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
  uint64_t tokens_ = 0;
  std::string report_;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_BULK_IMPORT_H_
