// Files that inspections read: analogies, scored pairs, corpora.
#ifndef VECNEST_NET_CLI_INSPECT_FILES_H_
#define VECNEST_NET_CLI_INSPECT_FILES_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "net/cli/import_source.h"
#include "vecnest/evaluation.h"
#include "vecnest/inspection.h"

namespace vecnest::cli {

// As `vecnest eval` reads a task of analogies.
absl::StatusOr<std::vector<AnalogyQuestion>> ReadAnalogies(const std::string& path);

// As `vecnest eval` reads a task of similarity; the spec says which file and columns.
absl::StatusOr<std::vector<TextPair>> ReadPairs(TaskSpec spec);

// The texts of a file one by one: a member or column of JSON lines, CSV or TSV, else lines. Not
// thread-safe.
class TextFile {
 public:
  static absl::StatusOr<std::unique_ptr<TextFile>> Open(const std::string& path,
                                                        const std::string& text_field);
  // Nothing at the end. Errors name file and line.
  absl::StatusOr<std::optional<std::string>> Next();
  uint64_t read_bytes() const;
  uint64_t size() const { return size_; }

 private:
  TextFile() = default;

  std::string path_;
  std::string text_field_;
  std::unique_ptr<ImportSource> records_;  // null: lines
  std::ifstream lines_;
  uint64_t read_ = 0;
  uint64_t size_ = 0;
};

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_INSPECT_FILES_H_
