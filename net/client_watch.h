// Notices that a client leaves while its call runs.
#ifndef VECNEST_NET_CLIENT_WATCH_H_
#define VECNEST_NET_CLIENT_WATCH_H_

#include <memory>
#include <stop_token>

#include "net/connection.h"

namespace vecnest::net {

// While it lives, the connection's call is asked to stop when the client closes the connection, be
// it its sending half only. Not when the client has sent the next request already, be it read or
// waiting: bytes that wait hide a close from the socket, and who sends several requests and then
// ends sending, as scripts do, waits for the answers.
//
// Made, used and destroyed on the connection's executor; the socket is non-blocking.
class ClientWatch {
 public:
  explicit ClientWatch(Connection& connection);
  ~ClientWatch();
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;

 private:
  // Of this watch alone: what it has queued may run when the next one has begun.
  struct State {
    bool over = false;
    std::stop_source call;
  };

  static void Await(ConnectionPtr connection, std::shared_ptr<State> state);

  Connection& connection_;
  const std::shared_ptr<State> state_;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_CLIENT_WATCH_H_
