#include "embedder/worker_pool.h"

#include <algorithm>

namespace vecnest::embedder {

// Lives on the stack of ForEach; guarded by mutex_ apart from `run`.
struct WorkerPool::Job {
  absl::FunctionRef<void(size_t)> run;
  size_t count;
  size_t started = 0;
  size_t finished = 0;
};

WorkerPool::WorkerPool(int threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { Work(); });
}

WorkerPool::~WorkerPool() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& worker : workers_) worker.join();
}

void WorkerPool::ForEach(size_t count, absl::FunctionRef<void(size_t)> run) {
  if (count == 0) return;
  if (count == 1 || workers_.empty()) {
    for (size_t i = 0; i < count; ++i) run(i);
    return;
  }
  Job job = {run, count};
  const absl::MutexLock lock(&mutex_);
  jobs_.push_back(&job);
  RunItems(&job);
  const auto done = [&job] { return job.finished == job.count; };
  mutex_.Await(absl::Condition(&done));
}

void WorkerPool::RunItems(Job* job) {
  while (job->started < job->count) {
    const size_t item = job->started++;
    if (job->started == job->count) std::erase(jobs_, job);
    mutex_.Unlock();
    job->run(item);
    mutex_.Lock();
    ++job->finished;
  }
}

void WorkerPool::Work() {
  const absl::MutexLock lock(&mutex_);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !jobs_.empty();
  };
  while (true) {
    mutex_.Await(absl::Condition(&ready));
    if (jobs_.empty()) return;
    RunItems(jobs_.front());
  }
}

}  // namespace vecnest::embedder
