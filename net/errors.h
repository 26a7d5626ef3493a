// From status codes to HTTP, in the dialect of the route.
#ifndef VECNEST_NET_ERRORS_H_
#define VECNEST_NET_ERRORS_H_

#include "absl/status/status.h"
#include "net/http.h"

namespace vecnest::net {

enum class Dialect { kQdrant, kOpenAi };

// The one place that decides which code an error gets.
int HttpStatus(const absl::Status& status);

// {"status":{"error":...},"time":...} or {"error":{"message","type","param","code"}}.
Response ErrorResponse(const absl::Status& status, Dialect dialect, double seconds);

// The same for errors of HTTP itself (404 route, 405, 413, 415, 429 ...).
Response ErrorResponse(int http_status, const std::string& message, Dialect dialect,
                       double seconds);

}  // namespace vecnest::net

#endif  // VECNEST_NET_ERRORS_H_
