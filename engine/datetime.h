// Points in time as payloads and filters write them.
#ifndef VECNEST_ENGINE_DATETIME_H_
#define VECNEST_ENGINE_DATETIME_H_

#include <cstdint>
#include <optional>
#include <string>

namespace vecnest::engine {

// RFC 3339 ("2024-02-29T12:00:00.5Z", "…+01:00"), the same without a zone (UTC) or with a blank
// for the T, or a date. Microseconds since 1970 UTC; nothing when it is none of these.
std::optional<int64_t> ParseDatetime(const std::string& text);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_DATETIME_H_
