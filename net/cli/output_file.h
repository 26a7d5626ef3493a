// Files that commands write at their end.
#ifndef VECNEST_NET_CLI_OUTPUT_FILE_H_
#define VECNEST_NET_CLI_OUTPUT_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vecnest::cli {

// That may be hours from now: what would stand in the way is told before. `option` is the one that
// names the file; an empty path is none.
absl::Status CheckOutput(const std::string& path, std::string_view option);

// What a file of this path is to be renamed to, so that it takes the place of the one that is
// there: the path, or where it links to. InvalidArgument: that is a pipe, a device or a folder.
absl::StatusOr<std::string> ReplacedFile(const std::string& path);

// Whole or not at all, unless the path is that of a pipe or a device.
absl::Status WriteFile(const std::string& path, const std::string& text);

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_OUTPUT_FILE_H_
