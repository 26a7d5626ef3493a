// Health, metrics, and the description of the interface itself.

#include <utility>

#include "net/openapi.h"
#include "net/service.h"

namespace vecnest::net {
namespace {

// The version of Qdrant's REST dialect that the routes follow; its clients compare it with their
// own.
constexpr const char* kDialectVersion = "1.19.0";

// One collection that can't be loaded does not stop a node, but nobody should overlook it.
std::string Readiness(const Database& database) {
  std::string failed;
  for (const std::string& name : database.CollectionNames()) {
    const auto info = database.DescribeCollection(name);
    if (info.ok() && !info->error.empty()) failed += (failed.empty() ? "" : ", ") + name;
  }
  if (failed.empty()) return "all shards are ready";
  return "ready, without collections that could not be loaded: " + failed;
}

Response Plain(int status, std::string text) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

Route Open(std::string pattern, std::function<Response(const Request&)> handler) {
  Route route;
  route.method = "GET";
  route.pattern = std::move(pattern);
  route.lane = Lane::kInline;
  route.open = true;
  route.handler = std::move(handler);
  return route;
}

}  // namespace

void Service::AddOperationRoutes(std::vector<Route>& routes) {
  routes.push_back(Open("/", [](const Request&) {
    Response response;
    response.body = Json{
        {"title", "vecnest - a vector database that understands text"},
        {"version", kDialectVersion},
        {"vecnest_version",
         Version()}}.dump();
    return response;
  }));
  routes.push_back(
      Open("/healthz", [](const Request&) { return Plain(200, "healthz check passed"); }));
  routes.push_back(Open("/livez", [](const Request&) { return Plain(200, "livez check passed"); }));
  routes.push_back(Open("/readyz", [this](const Request&) {
    if (const auto loaded = database()) return Plain(200, Readiness(*loaded));
    absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) return Plain(503, "loading failed: " + std::string(failure_.message()));
    return Plain(503, "loading the database");
  }));
  routes.push_back(Open("/openapi.json", [](const Request&) {
    Response response;
    response.body = OpenApiDocument();
    return response;
  }));
  Route metrics = Open(
      "/metrics", [this](const Request&) { return Plain(200, metrics_.Render(database().get())); });
  metrics.lane = Lane::kQuery;
  metrics.open = false;  // it names the collections
  routes.push_back(std::move(metrics));
}

}  // namespace vecnest::net
