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
#include "boost/beast/core/flat_buffer.hpp"

namespace vecnest::net {

// Known to the server, so that shutting down can close those that wait for a request.
struct Connection : std::enable_shared_from_this<Connection> {
  explicit Connection(boost::asio::ip::tcp::socket given) : socket(std::move(given)) {
    buffer.reserve(kBufferBytes);
  }
  // As much as Beast reads at once. From an empty buffer it reads 512 bytes at a time.
  static constexpr size_t kBufferBytes = size_t{64} << 10;
  // What the request that is served waits for.
  enum class Phase { kReading, kRunning, kAnswering };

  // What waits for the socket is given up so long from now. A timer for each wait would cost more
  // than the wait: the server looks at its connections several times a second.
  void ExpireAfter(std::chrono::seconds time) { expires = std::chrono::steady_clock::now() + time; }
  bool Expired() const { return std::chrono::steady_clock::now() > expires; }
  void ExpireNever() { expires = std::chrono::steady_clock::time_point::max(); }

  boost::asio::ip::tcp::socket socket;
  boost::beast::flat_buffer buffer;
  std::atomic<bool> idle = true;
  // The rest is touched by the connection's executor alone.
  std::chrono::steady_clock::time_point expires = std::chrono::steady_clock::time_point::max();
  Phase phase = Phase::kReading;
  bool watched = false;   // `call` is asked to stop when the client leaves
  bool head = false;      // the request is a HEAD: its answer has no body
  std::stop_source call;  // of the request; another one for each
  std::string method;     // this and the next for the metrics
  std::string route;
  std::chrono::steady_clock::time_point start;  // when the request was read
};
using ConnectionPtr = std::shared_ptr<Connection>;

}  // namespace vecnest::net

#endif  // VECNEST_NET_CONNECTION_H_
