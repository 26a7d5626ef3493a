// Routes of collections.

#include "net/codec_collection.h"
#include "net/service.h"

namespace vecnest::net {

void Service::AddCollectionRoutes(std::vector<Route>& routes) {
  routes.push_back(Enveloped("GET", "/collections", Lane::kQuery,
                             [](Database& database, const Request&) -> absl::StatusOr<Result> {
                               Json names = Json::array();
                               for (const std::string& name : database.CollectionNames()) {
                                 names.push_back({{"name", name}});
                               }
                               return Result{Json{{"collections", std::move(names)}}, {}};
                             }));
  routes.push_back(
      Enveloped("GET", "/collections/{collection}", Lane::kQuery,
                [](Database& database, const Request& request) -> absl::StatusOr<Result> {
                  auto info = database.DescribeCollection(CollectionOf(request));
                  if (!info.ok()) return info.status();
                  return Result{WriteCollectionInfo(*info), {}};
                }));
  routes.push_back(Enveloped(
      "GET", "/collections/{collection}/exists", Lane::kQuery,
      [](Database& database, const Request& request) -> absl::StatusOr<Result> {
        return Result{Json{{"exists", database.HasCollection(CollectionOf(request))}}, {}};
      }));
  routes.push_back(
      Enveloped("PUT", "/collections/{collection}", Lane::kWrite,
                [](Database& database, const Request& request) -> absl::StatusOr<Result> {
                  auto body = engine::ParseJson(request.body, "request body");
                  absl::Status status = body.status();
                  CollectionConfig config;
                  if (status.ok()) config = ReadCollectionConfig(*body, status);
                  if (status.ok())
                    status = database.CreateCollection(CollectionOf(request), config);
                  if (!status.ok()) return status;
                  return Result{true, {}};
                }));
  routes.push_back(
      Enveloped("PATCH", "/collections/{collection}", Lane::kWrite,
                [](Database& database, const Request& request) -> absl::StatusOr<Result> {
                  auto body = engine::ParseJson(request.body, "request body");
                  absl::Status status = body.status();
                  CollectionUpdate update;
                  if (status.ok()) update = ReadCollectionUpdate(*body, status);
                  if (status.ok())
                    status = database.UpdateCollection(CollectionOf(request), update);
                  if (!status.ok()) return status;
                  return Result{true, {}};
                }));
  routes.push_back(
      Enveloped("DELETE", "/collections/{collection}", Lane::kWrite,
                [](Database& database, const Request& request) -> absl::StatusOr<Result> {
                  auto deleted = database.DeleteCollection(CollectionOf(request));
                  if (!deleted.ok()) return deleted.status();
                  return Result{*deleted, {}};
                }));
}

}  // namespace vecnest::net
