// The HTTP interface of a database: which routes there are and what they do.
#ifndef VECNEST_NET_SERVICE_H_
#define VECNEST_NET_SERVICE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "net/http.h"
#include "net/json_text.h"
#include "net/metrics.h"
#include "net/router.h"
#include "vecnest/database.h"

namespace vecnest::net {

struct ServiceOptions {
  std::string api_key;  // empty: everybody may do everything
};

// Thread-safe.
class Service {
 public:
  explicit Service(const ServiceOptions& options);

  // While the database loads, only the open routes (health, metrics, OpenAPI) answer otherwise
  // than 503.
  void SetDatabase(std::shared_ptr<Database> database);
  // Loading failed: /readyz tells why until the process ends.
  void SetFailure(const absl::Status& status);

  const Router& router() const { return router_; }
  Metrics& metrics() { return metrics_; }

  // What stands in the way of serving the request, or nothing: key, content type, parameters that
  // the route does not know, loading.
  // `has_body`: a body was or will be sent.
  bool Refuses(const Route& route, const Request& request, bool has_body, Response& refusal) const;

  // Runs the handler of `route` and turns every failure into an answer.
  Response Handle(const Route& route, const Request& request);

  // Null while the database loads.
  std::shared_ptr<Database> database() const;

 private:
  std::vector<Route> AllRoutes();
  void AddCollectionRoutes(std::vector<Route>& routes);
  void AddWriteRoutes(std::vector<Route>& routes);
  void AddIndexRoutes(std::vector<Route>& routes);
  void AddAdaptRoutes(std::vector<Route>& routes);
  void AddAdaptorRoutes(std::vector<Route>& routes);
  void AddReadRoutes(std::vector<Route>& routes);
  void AddEmbeddingRoutes(std::vector<Route>& routes);
  void AddInspectRoutes(std::vector<Route>& routes);
  void AddOperationRoutes(std::vector<Route>& routes);

  // Qdrant's envelope: {"result", "status", "time"} and "usage" when texts were encoded.
  struct Result {
    Result(const Json& value, std::vector<ModelUsage> given)
        : text(Dump(value)), usage(std::move(given)) {}
    Result(JsonText written, std::vector<ModelUsage> given)
        : text(std::move(written.text)), usage(std::move(given)) {}
    std::string text;  // JSON
    std::vector<ModelUsage> usage;
  };
  using ResultHandler = std::function<absl::StatusOr<Result>(Database&, const Request&)>;
  Route Enveloped(std::string method, std::string pattern, Lane lane, ResultHandler handler);

  // OpenAI's: the answer as it is.
  using OpenAiHandler = std::function<absl::StatusOr<Json>(Database&, const Request&)>;
  Route OpenAi(std::string method, std::string pattern, Lane lane, OpenAiHandler handler);

  const ServiceOptions options_;
  Metrics metrics_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<Database> database_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  const Router router_;  // last: its handlers use the rest
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_SERVICE_H_
