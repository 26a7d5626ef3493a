// Routes that adapt a collection to its vectors.

#include "net/codec_adapt.h"
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
}

}  // namespace vecnest::net
