// HTTP as plain structs, so that handlers know nothing of sockets.
#ifndef VECNEST_NET_HTTP_H_
#define VECNEST_NET_HTTP_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vecnest/types.h"

namespace vecnest::net {

struct Request {
  std::string method;                             // upper case
  std::string path;                               // without the query, not decoded
  std::map<std::string, std::string> query;       // decoded
  std::map<std::string, std::string> parameters;  // decoded parts of the path, by name in the route
  std::string content_type;                       // lower case, without parameters
  std::string authorization;
  std::string api_key;
  std::string body;
  CallLimits limits;  // the client may leave, or have asked for an answer by a time
  // To be told before what takes longer than a few hundred microseconds: the thread may have other
  // duties that another one then takes over. May be empty.
  std::function<void()> expect_long;
};

// Of a route with {collection} in its path.
inline const std::string& CollectionOf(const Request& request) {
  return request.parameters.at("collection");
}

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_HTTP_H_
