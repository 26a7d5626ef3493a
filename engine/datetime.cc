#include "engine/datetime.h"

#include "absl/time/time.h"

namespace vecnest::engine {

std::optional<int64_t> ParseDatetime(const std::string& text) {
  absl::Time time;
  std::string error;
  for (const char* format :
       {absl::RFC3339_full, "%Y-%m-%d%ET%H:%M:%E*S", "%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d"}) {
    if (absl::ParseTime(format, text, &time, &error)) return absl::ToUnixMicros(time);
  }
  return std::nullopt;
}

}  // namespace vecnest::engine
