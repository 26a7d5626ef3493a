// Routes of payload indexes and facets.

#include <utility>

#include "net/codec_index.h"
#include "net/codec_points.h"
#include "net/service.h"

namespace vecnest::net {

void Service::AddIndexRoutes(std::vector<Route>& routes) {
  routes.push_back(Enveloped(
      "PUT", "/collections/{collection}/index", Lane::kWrite,
      [](Database& database, const Request& request) -> absl::StatusOr<Result> {
        auto body = engine::ParseJson(request.body, "request body");
        absl::Status status = body.status();
        IndexRequest index;
        if (status.ok()) index = ReadIndexRequest(*body, status);
        if (!status.ok()) return status;
        auto result = database.CreatePayloadIndex(CollectionOf(request), index.field, index.config);
        if (!result.ok()) return result.status();
        return Result{WriteUpdateResult(*result, /*waited=*/true), {}};
      }));
  routes.push_back(Enveloped(
      "DELETE", "/collections/{collection}/index/{field}", Lane::kWrite,
      [](Database& database, const Request& request) -> absl::StatusOr<Result> {
        auto result =
            database.DeletePayloadIndex(CollectionOf(request), request.parameters.at("field"));
        if (!result.ok()) return result.status();
        return Result{WriteUpdateResult(*result, /*waited=*/true), {}};
      }));
  routes.push_back(
      Enveloped("POST", "/collections/{collection}/facet", Lane::kQuery,
                [](Database& database, const Request& request) -> absl::StatusOr<Result> {
                  auto body = engine::ParseJson(request.body, "request body");
                  absl::Status status = body.status();
                  FacetRequest facet;
                  if (status.ok()) facet = ReadFacetRequest(*body, status);
                  if (!status.ok()) return status;
                  auto hits = database.Facet(CollectionOf(request), facet, request.limits);
                  if (!hits.ok()) return hits.status();
                  return Result{WriteFacetHits(*hits), {}};
                }));
}

}  // namespace vecnest::net
