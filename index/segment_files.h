// The segment files of an index in its directory.
#ifndef VECNEST_INDEX_SEGMENT_FILES_H_
#define VECNEST_INDEX_SEGMENT_FILES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vecnest::index {

std::string SegmentFileName(uint64_t number);
// 0 when it is no such name.
uint64_t SegmentFileNumber(std::string_view file);

// Those of an index, finished or not, in no order; other files are left out.
absl::StatusOr<std::vector<std::string>> ListSegmentFiles(const std::string& directory);

// Removes those of `files` that are not in `kept`. What cannot be removed now stays for the next
// time.
void RemoveAllBut(const std::string& directory, const std::vector<std::string>& files,
                  const std::vector<std::string>& kept);

// With the ones above it, and lasting. Fine when it is there.
absl::Status CreateDirectory(const std::string& directory);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_SEGMENT_FILES_H_
