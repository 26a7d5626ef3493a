// Routes that adapt a collection to its vectors.

#include <utility>

#include "net/codec_adapt.h"
#include "net/errors.h"
#include "net/service.h"

namespace vecnest::net {

void Service::AddAdaptRoutes(std::vector<Route>& routes) {
  const std::string path = "/collections/{collection}/adapt";
  const auto job_of = [](const Database& database,
                         const Request& request) -> absl::StatusOr<Result> {
    auto job = database.FindAdaptJob(CollectionOf(request));
    if (!job.ok()) return job.status();
    return Result{WriteAdaptJob(*job), {}};
  };
  routes.push_back(Enveloped(
      "POST", path, Lane::kWrite,
      [job_of](Database& database, const Request& request) -> absl::StatusOr<Result> {
        // Everything has a default.
        auto body = engine::ParseJson(request.body.empty() ? "{}" : request.body, "request body");
        absl::Status status = body.status();
        AdaptRequest adapt;
        if (status.ok()) adapt = ReadAdaptRequest(*body, status);
        if (status.ok()) status = database.StartAdapting(CollectionOf(request), adapt);
        if (!status.ok()) return status;
        return job_of(database, request);
      }));
  routes.push_back(Enveloped("GET", path, Lane::kQuery, job_of));
  routes.push_back(
      Enveloped("DELETE", path, Lane::kWrite,
                [](Database& database, const Request& request) -> absl::StatusOr<Result> {
                  auto cancelled = database.CancelAdapting(CollectionOf(request));
                  if (!cancelled.ok()) return cancelled.status();
                  return Result{*cancelled, {}};
                }));
  AddAdaptorRoutes(routes);
}

void Service::AddAdaptorRoutes(std::vector<Route>& routes) {
  const std::string path = "/collections/{collection}/adaptor";
  const auto vector_of = [](const Request& request) {
    const auto found = request.query.find("vector");
    return found == request.query.end() ? std::string() : found->second;
  };
  Route read;
  read.method = "GET";
  read.pattern = path;
  read.query_parameters = {"vector"};
  read.handler = [this, vector_of](const Request& request) {
    auto bytes = database()->ReadAdaptor(CollectionOf(request), vector_of(request));
    if (!bytes.ok()) return ErrorResponse(bytes.status(), Dialect::kQdrant, 0);
    Response response;
    response.content_type = "application/octet-stream";
    response.body = *std::move(bytes);
    return response;
  };
  routes.push_back(std::move(read));
  Route give =
      Enveloped("PUT", path, Lane::kWrite,
                [vector_of](Database& database, const Request& request) -> absl::StatusOr<Result> {
                  AdaptRequest adapt;
                  adapt.vector_name = vector_of(request);
                  adapt.method = AdaptMethod::kGiven;
                  adapt.adaptor = request.body;
                  auto status = database.StartAdapting(CollectionOf(request), adapt);
                  if (!status.ok()) return status;
                  auto job = database.FindAdaptJob(CollectionOf(request));
                  if (!job.ok()) return job.status();
                  return Result{WriteAdaptJob(*job), {}};
                });
  give.takes_bytes = true;
  give.query_parameters = {"vector"};
  routes.push_back(std::move(give));
}

}  // namespace vecnest::net
