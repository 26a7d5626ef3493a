// Files that commands write at their end.
#ifndef VECNEST_NET_CLI_OUTPUT_FILE_H_
#define VECNEST_NET_CLI_OUTPUT_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace vecnest::cli {

// That may be hours from now: what would stand in the way is told before. `option` is the one that
// names the file; an empty path is none.
absl::Status CheckOutput(const std::string& path, std::string_view option);

// Whole or not at all.
absl::Status WriteFile(const std::string& path, const std::string& text);

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_OUTPUT_FILE_H_
