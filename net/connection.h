// One connection, as the server holds it.
#ifndef VECNEST_NET_CONNECTION_H_
#define VECNEST_NET_CONNECTION_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "boost/asio/ip/tcp.hpp"
#include "boost/beast/core.hpp"

namespace vecnest::net {

// Known to the server, so that shutting down can close those that wait for a request.
struct Connection : std::enable_shared_from_this<Connection> {
  explicit Connection(boost::asio::ip::tcp::socket socket) : stream(std::move(socket)) {
    buffer.reserve(kBufferBytes);
  }
  // As much as Beast reads at once. From an empty buffer it reads 512 bytes at a time.
  static constexpr size_t kBufferBytes = size_t{64} << 10;
  // What the request that is served waits for.
  enum class Phase { kReading, kRunning, kAnswering };

  boost::beast::tcp_stream stream;
  boost::beast::flat_buffer buffer;
  std::atomic<bool> idle = true;
  // The rest is touched by the connection's executor alone.
  Phase phase = Phase::kReading;
  bool head = false;      // the request is a HEAD: its answer has no body
  std::stop_source call;  // of the request; another one for each
  std::string method;     // this and the next for the metrics
  std::string route;
  std::chrono::steady_clock::time_point start;  // when the request was read
};
using ConnectionPtr = std::shared_ptr<Connection>;

}  // namespace vecnest::net

#endif  // VECNEST_NET_CONNECTION_H_
