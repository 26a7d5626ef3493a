#include "net/service.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "absl/strings/match.h"
#include "fmt/format.h"
#include "net/codec_usage.h"
#include "openssl/crypto.h"
#include "spdlog/spdlog.h"

namespace vecnest::net {
namespace {

bool SameSecret(const std::string& given, const std::string& wanted) {
  return given.size() == wanted.size() &&
         CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

bool IsJson(const std::string& content_type) {
  return content_type == "application/json" || content_type.ends_with("+json");
}

// Of the request's query. Qdrant's clients send ordering and consistency, which one node has
// anyway.
std::vector<std::string_view> KnownParameters(const Route& route) {
  if (route.streamed) return {"chunk_max_tokens", "chunk_overlap", "truncate", "wait"};
  if (route.dialect == Dialect::kOpenAi) return {"timeout"};
  std::vector<std::string_view> known = {"consistency", "ordering", "timeout", "wait"};
  known.insert(known.end(), route.query_parameters.begin(), route.query_parameters.end());
  return known;
}

// Nothing when the route knows all parameters.
std::string UnknownParameter(const Route& route, const Request& request) {
  if (request.query.empty()) return "";
  const std::vector<std::string_view> known = KnownParameters(route);
  for (const auto& [name, value] : request.query) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (route.streamed && name == "timeout") {
      return "timeout: a bulk import has no time limit, because what it has sent is imported; "
             "leave "
             "it out, or write by /points";
    }
    return fmt::format("{}: unknown parameter; expected one of: {}", name, fmt::join(known, ", "));
  }
  return "";
}

}  // namespace

Service::Service(const ServiceOptions& options) : options_(options), router_(AllRoutes()) {}

void Service::SetDatabase(std::shared_ptr<Database> database) {
  absl::MutexLock lock(&mutex_);
  database_ = std::move(database);
}

void Service::SetFailure(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  failure_ = status;
}

std::shared_ptr<Database> Service::database() const {
  absl::MutexLock lock(&mutex_);
  return database_;
}

std::vector<Route> Service::AllRoutes() {
  std::vector<Route> routes;
  AddCollectionRoutes(routes);
  AddWriteRoutes(routes);
  AddIndexRoutes(routes);
  AddAdaptRoutes(routes);
  AddReadRoutes(routes);
  AddEmbeddingRoutes(routes);
  AddInspectRoutes(routes);
  AddOperationRoutes(routes);
  return routes;
}

bool Service::Refuses(const Route& route, const Request& request, bool has_body,
                      Response& refusal) const {
  const auto refuse = [&](int status, const std::string& message) {
    refusal = ErrorResponse(status, message, route.dialect, 0);
    return true;
  };
  if (route.open) return false;
  if (!options_.api_key.empty()) {
    constexpr std::string_view kBearer = "Bearer ";
    const bool bearer = request.authorization.starts_with(kBearer);
    const std::string given =
        bearer ? request.authorization.substr(kBearer.size()) : request.api_key;
    if (!SameSecret(given, options_.api_key)) {
      return refuse(401,
                    "Must provide an API key: the header 'api-key', or 'Authorization: "
                    "Bearer', does not hold the server's key");
    }
  }
  if (has_body && !route.streamed && !route.takes_bytes && !request.content_type.empty() &&
      !IsJson(request.content_type)) {
    return refuse(415, fmt::format("Content type error: expected application/json, got {}",
                                   request.content_type));
  }
  if (const std::string unknown = UnknownParameter(route, request); !unknown.empty()) {
    return refuse(400, unknown);
  }
  if (database() == nullptr) {
    absl::MutexLock lock(&mutex_);
    return refuse(503, failure_.ok() ? "the database is still loading"
                                     : fmt::format("the database could not be loaded: {}",
                                                   std::string(failure_.message())));
  }
  return false;
}

Response Service::Handle(const Route& route, const Request& request) {
  Response response;
  try {
    // The client may have left, or its time be over, while the request waited for a thread.
    const absl::Status wanted = request.limits.Check();
    response = wanted.ok() ? route.handler(request) : ErrorResponse(wanted, route.dialect, 0);
  } catch (const std::bad_alloc&) {
    response = ErrorResponse(503, "no memory for the request", route.dialect, 0);
  } catch (const std::exception& error) {
    // Not expected: whatever a library throws must not end the process or the connection.
    spdlog::error("{} {}: {}", request.method, route.pattern, error.what());
    response =
        ErrorResponse(500, fmt::format("internal error: {}", error.what()), route.dialect, 0);
  }
  return response;
}

Route Service::Enveloped(std::string method, std::string pattern, Lane lane,
                         ResultHandler handler) {
  Route route;
  route.method = std::move(method);
  route.pattern = std::move(pattern);
  route.lane = lane;
  route.handler = [this, handler = std::move(handler)](const Request& request) {
    const auto start = std::chrono::steady_clock::now();
    const auto seconds = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    const auto database_now = database();
    if (database_now == nullptr) {
      return ErrorResponse(503, "the database is closing", Dialect::kQdrant, 0);
    }
    auto result = handler(*database_now, request);
    if (!result.ok()) return ErrorResponse(result.status(), Dialect::kQdrant, seconds());
    metrics_.CountTokens(TokensOf(result->usage));
    Response response;
    response.body = std::move(result->text);
    response.body.insert(0, R"({"result":)");
    response.body += R"(,"status":"ok","time":)";
    AppendNumber(seconds(), response.body);
    if (!result->usage.empty()) response.body += R"(,"usage":)" + Dump(WriteUsage(result->usage));
    response.body += '}';
    return response;
  };
  return route;
}

Route Service::OpenAi(std::string method, std::string pattern, Lane lane, OpenAiHandler handler) {
  Route route;
  route.method = std::move(method);
  route.pattern = std::move(pattern);
  route.dialect = Dialect::kOpenAi;
  route.lane = lane;
  route.handler = [this, handler = std::move(handler)](const Request& request) {
    const auto database_now = database();
    if (database_now == nullptr) {
      return ErrorResponse(503, "the database is closing", Dialect::kOpenAi, 0);
    }
    auto answer = handler(*database_now, request);
    if (!answer.ok()) return ErrorResponse(answer.status(), Dialect::kOpenAi, 0);
    Response response;
    response.body = Dump(*answer);
    return response;
  };
  return route;
}

}  // namespace vecnest::net
