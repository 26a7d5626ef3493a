// The route table: which handler answers which method and path.
#ifndef VECNEST_NET_ROUTER_H_
#define VECNEST_NET_ROUTER_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/errors.h"
#include "net/http.h"

namespace vecnest::net {

// Which queue a request waits in: light work is not held up by heavy work.
enum class Lane {
  kInline,  // answers from memory at once
  kQuery,
  kWrite,
};

struct Route {
  std::string method;
  std::string pattern;  // "/collections/{collection}/points"
  Dialect dialect = Dialect::kQdrant;
  Lane lane = Lane::kQuery;
  bool open = false;  // needs no API key and no loaded database
  // The body is NDJSON of any length, handed on in parts by the server instead of to `handler`.
  bool streamed = false;
  bool takes_bytes = false;                        // the body may be of any type
  std::vector<std::string> query_parameters = {};  // beside those of its dialect
  std::function<Response(const Request&)> handler;
};

// Decodes %xx; false when it is malformed. '+' is a blank only in queries.
bool PercentDecode(std::string_view text, bool plus_is_blank, std::string& decoded);

// "a=1&b=x%20y". Malformed parts are left as they are.
std::map<std::string, std::string> ParseQuery(std::string_view query);

// Immutable after construction, thread-safe.
class Router {
 public:
  explicit Router(std::vector<Route> routes);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string> parameters;
    // Without a route: the methods that the path has (empty: no such path).
    std::vector<std::string> allowed;
    bool malformed = false;  // a part of the path does not decode to UTF-8
  };
  Match Find(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  const std::vector<Route> routes_;
  std::vector<std::vector<std::string_view>> parts_;  // of each route's pattern, within routes_
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_ROUTER_H_
