#include "engine/maintainer.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/time/time.h"
#include "spdlog/spdlog.h"

namespace vecnest::engine {
namespace {

// After a piece of work failed: a full disk, most likely.
constexpr absl::Duration kRetryPause = absl::Seconds(10);
constexpr int kNice = 10;

}  // namespace

Maintainer::Maintainer() : thread_([this] { Run(); }) {}

Maintainer::~Maintainer() {
  stop_ = true;
  {
    absl::MutexLock lock(&mutex_);  // wakes Run, which looks at stop_
    queue_.clear();
  }
  thread_.join();
}

void Maintainer::Notify(std::shared_ptr<Shard> shard) {
  absl::MutexLock lock(&mutex_);
  if (std::find(queue_.begin(), queue_.end(), shard) == queue_.end()) {
    queue_.push_back(std::move(shard));
  }
}

void Maintainer::Run() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  while (true) {
    std::shared_ptr<Shard> shard;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](Maintainer* self) { return self->stop_ || !self->queue_.empty(); }, this));
      if (stop_) return;
      shard = std::move(queue_.front());
      queue_.pop_front();
    }
    absl::Status status;
    try {
      status = shard->Maintain(stop_);
    } catch (const std::exception& error) {
      status = absl::InternalError(error.what());  // out of memory, most likely
    }
    if (status.ok() || absl::IsCancelled(status)) continue;
    spdlog::error("background work on collection '{}', tried again in a while: {}",
                  shard->definition()->name, std::string(status.message()));
    Notify(std::move(shard));
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(
                                +[](std::atomic<bool>* stop) { return stop->load(); }, &stop_),
                            kRetryPause);
  }
}

}  // namespace vecnest::engine
