// Threads that run engine calls, with a bounded queue before them.
#ifndef VECNEST_NET_WORKER_POOL_H_
#define VECNEST_NET_WORKER_POOL_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "boost/asio/awaitable.hpp"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/io_context.hpp"
#include "net/http.h"

namespace vecnest::net {

// Thread-safe.
class WorkerPool {
 public:
  // At most `queue` calls wait while all threads are busy. `nice`: added to the process's own;
  // threads of larger numbers leave the processors to others that want them.
  WorkerPool(size_t threads, size_t queue, int nice);
  // Waits for the calls that were taken.
  ~WorkerPool();

  // True when a call may be made now; it then must be.
  bool TryEnter();
  // Runs the call on a thread of the pool and comes back to the caller's executor. Only after
  // TryEnter; frees the place when done.
  boost::asio::awaitable<Response> Run(std::function<Response()> call);

 private:
  using Calls = boost::asio::io_context;

  void Finish();

  const size_t capacity_;
  std::atomic<size_t> entered_ = 0;
  Calls calls_;
  boost::asio::executor_work_guard<Calls::executor_type> open_;
  std::vector<std::thread> threads_;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_WORKER_POOL_H_
