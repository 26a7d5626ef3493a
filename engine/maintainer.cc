#include "engine/maintainer.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "spdlog/spdlog.h"

namespace vecnest::engine {
namespace {

// After a piece of work failed: a full disk, most likely.
constexpr absl::Duration kRetryPause = absl::Seconds(10);
constexpr int kNice = 10;
// A shard that so many vectors are written to between two looks is at rest nevertheless.
constexpr uint64_t kFewVectors = 256;
// So many end its being settled: their graphs will have to be merged.
constexpr uint64_t kManyVectors = 8192;

// Errors are logged.
absl::StatusOr<bool> Try(absl::StatusOr<bool> (Shard::*work)(const std::atomic<bool>&),
                         Shard& shard, const std::atomic<bool>& stop) {
  absl::StatusOr<bool> worked = false;
  try {
    worked = (shard.*work)(stop);
  } catch (const std::exception& error) {
    worked = absl::InternalError(error.what());  // out of memory, most likely
  }
  if (!worked.ok() && !absl::IsCancelled(worked.status())) {
    spdlog::error("background work on collection '{}', tried again in a while: {}",
                  shard.definition()->name, std::string(worked.status().message()));
  }
  return worked;
}

}  // namespace

void BecomeBackground() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice); }

Maintainer::Maintainer(absl::Duration rest)
    : rest_(rest),
      sealer_([this] { Run(&Shard::Seal, to_seal_); }),
      merger_([this] { Run(&Shard::Merge, to_merge_); }),
      settler_([this] { RunSettling(); }) {}

Maintainer::~Maintainer() {
  stop_ = true;
  {
    absl::MutexLock lock(&mutex_);  // wakes those that wait, which look at stop_
    stop_settling_ = true;
    to_seal_.clear();
    to_merge_.clear();
    to_settle_.clear();
  }
  sealer_.join();
  merger_.join();
  settler_.join();
}

void Maintainer::Notify(std::shared_ptr<Shard> shard) {
  Enqueue(to_seal_, shard);
  Enqueue(to_merge_, shard);
  if (rest_ <= absl::ZeroDuration()) return;
  absl::MutexLock lock(&mutex_);
  if (settling_.shard == shard && settling_.HasMoreThan(kManyVectors)) stop_settling_ = true;
  const auto is_it = [&](const Seen& seen) { return seen.shard == shard; };
  if (std::none_of(to_settle_.begin(), to_settle_.end(), is_it)) {
    const uint64_t vectors = shard->written_vectors();
    to_settle_.push_back({std::move(shard), vectors});
  }
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
    const absl::StatusOr<bool> worked = Try(work, *shard, stop_);
    // A piece leads to more of its kind, and what was sealed to something to merge.
    if (worked.ok() && *worked) Notify(std::move(shard));
    if (worked.ok() || absl::IsCancelled(worked.status())) continue;
    Enqueue(queue, std::move(shard));
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(
                                +[](std::atomic<bool>* stop) { return stop->load(); }, &stop_),
                            kRetryPause);
  }
}

void Maintainer::RunSettling() {
  BecomeBackground();
  while (!stop_) {
    for (const Seen& seen : AwaitResting()) Settle(seen);
  }
}

std::vector<Maintainer::Seen> Maintainer::AwaitResting() {
  const auto has_some = [&] { return stop_ || !to_settle_.empty(); };
  const auto ends = [&] { return stop_.load(); };
  std::vector<Seen> resting;
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&has_some));
  mutex_.AwaitWithTimeout(absl::Condition(&ends), rest_);
  for (auto seen = to_settle_.begin(); seen != to_settle_.end();) {
    const bool rests = !seen->HasMoreThan(kFewVectors);
    seen->vectors = seen->shard->written_vectors();
    if (rests) resting.push_back(*seen);
    seen = rests ? to_settle_.erase(seen) : seen + 1;
  }
  return resting;
}

void Maintainer::Settle(const Seen& seen) {
  {
    absl::MutexLock lock(&mutex_);
    settling_ = seen;
    stop_settling_ = stop_ || seen.HasMoreThan(kManyVectors);
  }
  absl::StatusOr<bool> worked = true;
  while (worked.ok() && *worked && !stop_settling_) {
    worked = Try(&Shard::Settle, *seen.shard, stop_settling_);
  }
  {
    absl::MutexLock lock(&mutex_);
    settling_ = {};
  }
  // They may have found it taken. And what could not be settled is tried again.
  Enqueue(to_seal_, seen.shard);
  Enqueue(to_merge_, seen.shard);
  if (!worked.ok() || stop_settling_) Notify(seen.shard);
}

}  // namespace vecnest::engine
