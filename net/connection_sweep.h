// The connections of one event loop, and what is looked after in all of them.
#ifndef VECNEST_NET_CONNECTION_SWEEP_H_
#define VECNEST_NET_CONNECTION_SWEEP_H_

#include <cstddef>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "boost/asio/awaitable.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/steady_timer.hpp"
#include "net/connection.h"

namespace vecnest::net {

// Several times a second it gives up what waits for a socket for too long and, while calls run,
// stops those whose client has left. A timer for each request would cost more.
class ConnectionSweep {
 public:
  explicit ConnectionSweep(boost::asio::io_context& io) : io_(io), timer_(io) {}

  // Begins; the sweep outlives what runs in the loop.
  void Start();

  // Thread-safe.
  void Add(const ConnectionPtr& connection);
  void Remove(const ConnectionPtr& connection);
  std::vector<ConnectionPtr> All() const;
  size_t count() const;

  // From now on until `connection.watched` is false again it is asked whether its client has left.
  // In the loop.
  void Watch(Connection& connection);

  boost::asio::io_context& io() { return io_; }

 private:
  boost::asio::awaitable<void> Run();

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  bool brisk_ = false;  // the next look is soon, for a call runs; touched in the loop alone
  mutable absl::Mutex mutex_;
  std::set<ConnectionPtr> connections_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_CONNECTION_SWEEP_H_
