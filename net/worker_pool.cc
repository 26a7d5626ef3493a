#include "net/worker_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "boost/asio/associated_executor.hpp"
#include "boost/asio/async_result.hpp"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/use_awaitable.hpp"

namespace vecnest::net {
namespace asio = boost::asio;

WorkerPool::WorkerPool(size_t threads, size_t queue, int nice) : places_(threads + queue) {
  const auto work = [this, nice] {
    const auto own = static_cast<id_t>(gettid());
    if (nice > 0) setpriority(PRIO_PROCESS, own, getpriority(PRIO_PROCESS, own) + nice);
    Work();
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
  {
    absl::MutexLock lock(&mutex_);
    ends_ = true;
    for (Sleeper* sleeper : sleepers_) sleeper->wake.Signal();
  }
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::Submit(Job job) {
  absl::MutexLock lock(&mutex_);
  if (sleepers_.empty()) {
    waiting_.push_back(std::move(job));
    return;
  }
  Sleeper* const last = sleepers_.back();
  sleepers_.pop_back();
  last->job = std::move(job);
  last->wake.Signal();
}

WorkerPool::Job WorkerPool::Next(Sleeper& own) {
  absl::MutexLock lock(&mutex_);
  if (!waiting_.empty()) {
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    return job;
  }
  if (ends_) return nullptr;
  sleepers_.push_back(&own);
  while (!own.job && !ends_) own.wake.Wait(&mutex_);
  return std::exchange(own.job, nullptr);
}

void WorkerPool::Work() {
  Sleeper own;
  while (Job job = Next(own)) job();
}

asio::awaitable<Response> WorkerPool::Run(std::function<Response()> call) {
  // The caller's executor runs on while its call is here.
  auto start = [this](auto handler, std::function<Response()> inner) {
    auto back = asio::make_work_guard(asio::get_associated_executor(handler));
    Submit(
        [handler = std::move(handler), inner = std::move(inner), back = std::move(back)]() mutable {
          auto done = [handler = std::move(handler), response = RunCall(inner)]() mutable {
            handler(std::move(response));
          };
          asio::post(back.get_executor(), std::move(done));
        });
  };
  using Signature = void(Response);
  Response response = co_await asio::async_initiate<const asio::use_awaitable_t<>, Signature>(
      std::move(start), asio::use_awaitable, std::move(call));
  places_.Leave();
  co_return response;
}

}  // namespace vecnest::net
