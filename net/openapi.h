// The description of the HTTP interface.
#ifndef VECNEST_NET_OPENAPI_H_
#define VECNEST_NET_OPENAPI_H_

#include <string>

namespace vecnest::net {

// The OpenAPI 3 document, JSON. Its source is openapi.json beside this file.
const std::string& OpenApiDocument();

}  // namespace vecnest::net

#endif  // VECNEST_NET_OPENAPI_H_
