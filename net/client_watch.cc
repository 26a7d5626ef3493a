#include "net/client_watch.h"

#include <sys/socket.h>

#include <cerrno>

namespace vecnest::net {

bool ClientHasLeft(Connection& connection) {
  if (connection.buffer.size() > 0) return false;
  // Past the socket object: the call's thread may be sending its answer by it.
  char next = 0;
  const ssize_t received =
      recv(connection.socket.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR);
}

}  // namespace vecnest::net
