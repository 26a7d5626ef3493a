#include "net/worker_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "boost/asio/co_spawn.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "net/errors.h"

namespace vecnest::net {

WorkerPool::WorkerPool(size_t threads, size_t queue, int nice)
    : capacity_(threads + queue), open_(calls_.get_executor()) {
  const auto work = [this, nice] {
    const auto own = static_cast<id_t>(gettid());
    if (nice > 0) setpriority(PRIO_PROCESS, own, getpriority(PRIO_PROCESS, own) + nice);
    calls_.run();
  };
  try {
    for (size_t i = 0; i < threads; ++i) threads_.emplace_back(work);
  } catch (const std::system_error&) {
    Finish();
    throw;
  }
}

WorkerPool::~WorkerPool() { Finish(); }

void WorkerPool::Finish() {
  open_.reset();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::TryEnter() {
  size_t entered = entered_.load();
  while (entered < capacity_) {
    if (entered_.compare_exchange_weak(entered, entered + 1)) return true;
  }
  return false;
}

boost::asio::awaitable<Response> WorkerPool::Run(std::function<Response()> call) {
  // Named, because g++ 12 destroys an unnamed coroutine lambda too early (bug 107288).
  auto body = [](std::function<Response()> inner) -> boost::asio::awaitable<Response> {
    Response response;
    try {
      response = inner();
    } catch (const std::exception& error) {
      // Not expected: whatever a library throws must cost neither the place nor the connection.
      response =
          ErrorResponse(500, std::string("internal error: ") + error.what(), Dialect::kQdrant, 0);
    }
    co_return response;
  };
  Response response =
      co_await boost::asio::co_spawn(calls_, body(std::move(call)), boost::asio::use_awaitable);
  --entered_;
  co_return response;
}

}  // namespace vecnest::net
