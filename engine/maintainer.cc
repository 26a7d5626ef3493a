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

void BecomeBackground() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice); }

Maintainer::Maintainer()
    : sealer_([this] { Run(&Shard::Seal, to_seal_); }),
      merger_([this] { Run(&Shard::Merge, to_merge_); }) {}

Maintainer::~Maintainer() {
  stop_ = true;
  {
    absl::MutexLock lock(&mutex_);  // wakes Run, which looks at stop_
    to_seal_.clear();
    to_merge_.clear();
  }
  sealer_.join();
  merger_.join();
}

void Maintainer::Notify(std::shared_ptr<Shard> shard) {
  Enqueue(to_seal_, shard);
  Enqueue(to_merge_, std::move(shard));
}

void Maintainer::Enqueue(Queue& queue, std::shared_ptr<Shard> shard) {
  absl::MutexLock lock(&mutex_);
  if (std::find(queue.begin(), queue.end(), shard) == queue.end()) {
    queue.push_back(std::move(shard));
  }
}

void Maintainer::Run(Work work, Queue& queue) {
  BecomeBackground();
  while (true) {
    std::shared_ptr<Shard> shard;
    {
      const auto has_work = [&] { return stop_ || !queue.empty(); };
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&has_work));
      if (stop_) return;
      shard = std::move(queue.front());
      queue.pop_front();
    }
    absl::StatusOr<bool> worked = false;
    try {
      worked = ((*shard).*work)(stop_);
    } catch (const std::exception& error) {
      worked = absl::InternalError(error.what());  // out of memory, most likely
    }
    // A piece leads to more of its kind, and what was sealed to something to merge.
    if (worked.ok() && *worked) Notify(std::move(shard));
    if (worked.ok() || absl::IsCancelled(worked.status())) continue;
    spdlog::error("background work on collection '{}', tried again in a while: {}",
                  shard->definition()->name, std::string(worked.status().message()));
    Enqueue(queue, std::move(shard));
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(
                                +[](std::atomic<bool>* stop) { return stop->load(); }, &stop_),
                            kRetryPause);
  }
}

}  // namespace vecnest::engine
