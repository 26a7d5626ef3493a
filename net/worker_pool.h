// Threads that run engine calls, with a bounded queue before them.
#ifndef VECNEST_NET_WORKER_POOL_H_
#define VECNEST_NET_WORKER_POOL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "boost/asio/awaitable.hpp"
#include "net/call_places.h"
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
  bool TryEnter() { return places_.TryEnter(); }
  // Runs the call on a thread of the pool and comes back to the caller's executor. Only after
  // TryEnter; frees the place when done.
  boost::asio::awaitable<Response> Run(std::function<Response()> call);

 private:
  using Job = absl::AnyInvocable<void()>;
  // A thread that sleeps until it is given a job.
  struct Sleeper {
    absl::CondVar wake;
    Job job;
  };

  void Submit(Job job);
  void Work();
  // What the calling thread is to do next; nothing: the pool ends.
  Job Next(Sleeper& own);
  void Finish();

  CallPlaces places_;
  absl::Mutex mutex_;
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Job> waiting_ ABSL_GUARDED_BY(mutex_);  // only while nobody sleeps
  // Who fell asleep last is woken first: few threads do most of the work, with warm caches.
  std::vector<Sleeper*> sleepers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_WORKER_POOL_H_
