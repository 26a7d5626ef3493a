#include "net/connection_sweep.h"

#include <chrono>
#include <utility>

#include "boost/asio/co_spawn.hpp"
#include "boost/asio/detached.hpp"
#include "boost/asio/error.hpp"
#include "boost/asio/redirect_error.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "net/client_watch.h"

namespace vecnest::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kPause(250);
constexpr std::chrono::milliseconds kBriskPause(20);

}  // namespace

void ConnectionSweep::Start() { asio::co_spawn(io_, Run(), asio::detached); }

asio::awaitable<void> ConnectionSweep::Run() {
  while (true) {
    error_code woken;
    timer_.expires_after(brisk_ ? kBriskPause : kPause);
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (woken == asio::error::operation_aborted) continue;  // a call runs: look soon, not now
    brisk_ = false;
    const auto now = std::chrono::steady_clock::now();
    absl::MutexLock lock(&mutex_);
    for (const ConnectionPtr& connection : connections_) {
      error_code ignored;
      if (connection->expires <= now) connection->socket.cancel(ignored);
      if (!connection->watched) continue;
      brisk_ = true;
      if (ClientHasLeft(*connection)) connection->call.request_stop();
    }
  }
}

void ConnectionSweep::Watch(Connection& connection) {
  connection.watched = true;
  if (std::exchange(brisk_, true)) return;
  timer_.cancel();
}

void ConnectionSweep::Add(const ConnectionPtr& connection) {
  absl::MutexLock lock(&mutex_);
  connections_.insert(connection);
}

void ConnectionSweep::Remove(const ConnectionPtr& connection) {
  absl::MutexLock lock(&mutex_);
  connections_.erase(connection);
}

std::vector<ConnectionPtr> ConnectionSweep::All() const {
  absl::MutexLock lock(&mutex_);
  return {connections_.begin(), connections_.end()};
}

size_t ConnectionSweep::count() const {
  absl::MutexLock lock(&mutex_);
  return connections_.size();
}

}  // namespace vecnest::net
