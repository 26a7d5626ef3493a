#include "net/errors.h"

#include "engine/json.h"

namespace vecnest::net {
namespace {

using engine::Json;

// OpenAI's clients choose the exception by the HTTP code and show the type.
std::string_view OpenAiType(int http_status) {
  if (http_status == 401) return "authentication_error";
  if (http_status == 429) return "rate_limit_error";
  return http_status >= 500 ? "server_error" : "invalid_request_error";
}

// Messages begin with the field they are about: "input[3]: …".
Json ParamOf(const std::string& message) {
  const size_t colon = message.find(": ");
  if (colon == std::string::npos || message.find(' ') < colon) return nullptr;
  return message.substr(0, colon);
}

Json CodeOf(int http_status, const std::string& message) {
  if (http_status == 404 && message.starts_with("model ")) return "model_not_found";
  if (http_status == 401) return "invalid_api_key";
  return nullptr;
}

}  // namespace

int HttpStatus(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kCancelled:
      return 499;  // nginx's number for a client that left: nobody reads the answer
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

Response ErrorResponse(int http_status, const std::string& message, Dialect dialect,
                       double seconds) {
  Json body;
  if (dialect == Dialect::kOpenAi) {
    body = {{"error",
             {{"message", message},
              {"type", OpenAiType(http_status)},
              {"param", ParamOf(message)},
              {"code", CodeOf(http_status, message)}}}};
  } else {
    body = {{"status", {{"error", message}}}, {"time", seconds}};
  }
  Response response;
  response.status = http_status;
  // Messages quote what was sent, which may not be UTF-8.
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (http_status == 429 || http_status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response ErrorResponse(const absl::Status& status, Dialect dialect, double seconds) {
  return ErrorResponse(HttpStatus(status), std::string(status.message()), dialect, seconds);
}

}  // namespace vecnest::net
