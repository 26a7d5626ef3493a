// Points out of files: JSON lines, CSV and TSV.
#ifndef VECNEST_NET_CLI_IMPORT_SOURCE_H_
#define VECNEST_NET_CLI_IMPORT_SOURCE_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/json.h"
#include "vecnest/types.h"

namespace vecnest::cli {

// Which member or column is what.
struct FieldNames {
  std::string id = "id";
  std::string text = "text";
  std::string vector = "vector";
  // The member that is the payload; empty: all members but id and vector.
  std::string payload;
  // Of texts.
  std::string model;
  bool truncate = true;
  std::optional<Chunking> chunk;
};

// Where a reader stands, to go on from later.
struct ImportPosition {
  uint64_t offset = 0;  // bytes
  uint64_t line = 0;    // lines read
  uint64_t items = 0;   // points and failed lines before
  uint64_t failed = 0;  // lines
};

// Turns one record into a point. Without an id, `number` becomes it. InvalidArgument says what is
// missing or of the wrong type.
absl::StatusOr<Point> ToPoint(const engine::Json& record, const FieldNames& fields,
                              uint64_t number);

// Reads records one by one. Not thread-safe.
class ImportSource {
 public:
  // The format is "jsonl", "csv", "tsv", or "" for the file name's ending. `start` comes from
  // position() of an earlier reader of the same file. The column `text_field` is never read as a
  // number or the like.
  static absl::StatusOr<std::unique_ptr<ImportSource>> Open(const std::string& file,
                                                            std::string format,
                                                            const std::string& text_field,
                                                            const ImportPosition& start);

  // The next record, or nothing at the end. An error is about this record only; reading goes on.
  absl::StatusOr<std::optional<engine::Json>> Next();

  const ImportPosition& position() const { return position_; }
  // Where the last record began.
  uint64_t record_line() const { return record_line_; }
  uint64_t size() const { return size_; }

 private:
  ImportSource() = default;
  bool ReadLine(std::string& line);
  // One row of a separated file, or nothing at the end; a quoted field may run over lines.
  absl::StatusOr<bool> ReadRow(std::vector<std::string>& row);
  void Seek(const ImportPosition& position);

  std::ifstream stream_;
  char separator_ = '\0';  // '\0': JSON lines
  std::string text_field_;
  std::vector<std::string> header_;
  ImportPosition position_;
  uint64_t record_line_ = 0;
  uint64_t size_ = 0;
};

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_IMPORT_SOURCE_H_
