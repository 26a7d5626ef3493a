// A few threads that share the items of a batch.
#ifndef VECNEST_EMBEDDER_WORKER_POOL_H_
#define VECNEST_EMBEDDER_WORKER_POOL_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"

namespace vecnest::embedder {

class WorkerPool {
 public:
  // `threads` counts the caller of ForEach: a pool of one has no thread of its own.
  explicit WorkerPool(int threads);
  ~WorkerPool();  // waits for running items
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls `run(i)` once for every i < count, on the calling thread and on idle workers, and
  // returns when all are done. May be called by several threads at a time; `run` must not throw
  // and must not call ForEach.
  void ForEach(size_t count, absl::FunctionRef<void(size_t)> run);

 private:
  struct Job;

  void Work();
  // Runs items of `job` until none is left to start.
  void RunItems(Job* job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::deque<Job*> jobs_ ABSL_GUARDED_BY(mutex_);  // those with items not yet started
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_WORKER_POOL_H_
