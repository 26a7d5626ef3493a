// Notices that a client leaves while its call runs.
#ifndef VECNEST_NET_CLIENT_WATCH_H_
#define VECNEST_NET_CLIENT_WATCH_H_

#include "net/connection.h"

namespace vecnest::net {

// Whether the client has closed the connection, be it its sending half only. False when it has sent
// the next request already, be it read or waiting: bytes that wait hide a close from the socket,
// and who sends several requests and then ends sending, as scripts do, waits for the answers.
//
// One system call. On the connection's executor; the socket is non-blocking.
bool ClientHasLeft(Connection& connection);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CLIENT_WATCH_H_
