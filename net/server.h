// HTTP/1.1 over TCP: Boost.Beast on Asio's coroutines.
#ifndef VECNEST_NET_SERVER_H_
#define VECNEST_NET_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "net/service.h"

namespace vecnest::net {

struct ServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 6333;                          // 0: any free one
  uint64_t max_body_bytes = uint64_t{64} << 20;  // of one request; bulk imports have no limit
  // Of all bodies that are in memory, small ones aside (see body_budget.h); more are answered 429
  // before they are read. Not less than the largest body.
  uint64_t held_body_bytes = uint64_t{512} << 20;
  // Event loops that connections are dealt to; at most `query_threads`. Short queries run in them,
  // so one for each processor is right.
  int loops = 2;
  // Threads that run requests. They are more than cores: texts of requests that wait for the
  // encoder at the same time share its passes.
  int query_threads = 16;
  int write_threads = 16;
  // Requests that wait for a thread, per lane; more are answered 429 at once. Short queries need no
  // thread but the one that reads them: those that are not read yet wait in their sockets.
  int queue = 512;
  int idle_seconds = 75;   // a connection without a request is closed
  int io_seconds = 60;     // without a byte moving, in the middle of a request
  int query_seconds = 60;  // a reading request may take, unless its "timeout" says otherwise
  // For requests under way when Stop is called; calls that are not done by then are asked to stop,
  // and answered 503.
  int drain_seconds = 10;
};

// Start, then Wait from any thread. The service outlives the server.
class Server {
 public:
  Server(const ServerOptions& options, Service& service);
  ~Server();

  // Binds and begins to answer. InvalidArgument: the address; Unavailable: the port is taken.
  absl::Status Start();
  // The port it listens on, once started.
  uint16_t port() const;
  // Takes no more connections, lets requests under way finish or, when the time to drain is over,
  // asks them to stop, closes the rest. Blocks.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_SERVER_H_
