// What the head of an HTTP request says, apart from any connection.
#ifndef VECNEST_NET_REQUEST_HEAD_H_
#define VECNEST_NET_REQUEST_HEAD_H_

#include "absl/status/status.h"
#include "boost/beast/http/empty_body.hpp"
#include "boost/beast/http/parser.hpp"
#include "net/http.h"
#include "net/router.h"

namespace vecnest::net {

using HeaderParser = boost::beast::http::request_parser<boost::beast::http::empty_body>;

// All but the body, the path's parameters and the limits. The parser has read the head.
Request ToRequest(const HeaderParser& parser);

// A body was or will be sent.
bool HasBody(const HeaderParser& parser);
// The client sends its body when it is told to go on.
bool WantsContinue(const HeaderParser& parser);

// Gives the request the time that its "timeout" asks for, or else `seconds`; 0: no end.
// InvalidArgument: not a number of seconds from 0.001 to a day.
absl::Status SetDeadline(double seconds, Request& request);

// What a request that no route takes is answered.
Response NoRoute(const Request& request, const Router::Match& match);

}  // namespace vecnest::net

#endif  // VECNEST_NET_REQUEST_HEAD_H_
