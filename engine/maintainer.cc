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
constexpr int kNice = 19;
// A shard that so many vectors were written to is at rest nevertheless.
constexpr uint64_t kFewVectors = 256;
// So many end its being settled: their graphs will have to be merged.
constexpr uint64_t kManyVectors = 8192;
// A shard whose settling was ended, or failed, needs twice the rest before the next try, so that
// where it never succeeds little is spent on it.
constexpr absl::Duration kLongestRest = absl::Hours(1);

// Errors are logged.
absl::StatusOr<bool> Try(absl::StatusOr<bool> (Shard::*work)(const std::atomic<bool>&),
                         Shard& shard, const std::atomic<bool>& stop) {
  absl::StatusOr<bool> worked = false;
  try {
    worked = (shard.*work)(stop);
  } catch (const std::exception& error) {
    worked = absl::InternalError(error.what());  // out of memory, most likely
  }
  const bool expected =
      worked.ok() || absl::IsCancelled(worked.status()) || absl::IsUnavailable(worked.status());
  if (!expected) {
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
  if (settling_ == shard && shard->written_vectors() - settling_from_ > kManyVectors) {
    stop_settling_ = true;
  }
  const auto is_it = [&](const Candidate& candidate) { return candidate.shard.lock() == shard; };
  if (std::none_of(to_settle_.begin(), to_settle_.end(), is_it)) AddCandidate(shard, rest_);
}

bool Maintainer::ExpectsToSettle(const std::shared_ptr<Shard>& shard) const {
  absl::MutexLock lock(&mutex_);
  return settling_ == shard ||
         std::any_of(to_settle_.begin(), to_settle_.end(), [&](const Candidate& candidate) {
           return candidate.rest == rest_ && candidate.shard.lock() == shard;
         });
}

void Maintainer::Leave(const std::shared_ptr<Shard>& shard) {
  absl::MutexLock lock(&mutex_);
  if (settling_ == shard) stop_settling_ = true;
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
  while (true) {
    const auto [shard, rest] = AwaitResting();
    if (shard == nullptr) return;
    Settle(shard, rest);
  }
}

void Maintainer::AddCandidate(const std::shared_ptr<Shard>& shard, absl::Duration rest) {
  std::erase_if(to_settle_, [&](const Candidate& candidate) {
    return candidate.shard.expired() || candidate.shard.lock() == shard;
  });
  const Time due = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(rest);
  to_settle_.push_back({shard, rest, shard->written_vectors(), due});
}

std::vector<Maintainer::Candidate>::iterator Maintainer::NextDue() {
  return std::min_element(to_settle_.begin(), to_settle_.end(),
                          [](const Candidate& a, const Candidate& b) { return a.due < b.due; });
}

std::pair<std::shared_ptr<Shard>, absl::Duration> Maintainer::AwaitResting() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    const auto has_some = [&] { return stop_ || !to_settle_.empty(); };
    mutex_.Await(absl::Condition(&has_some));
    if (stop_) return {};
    const Time due = NextDue()->due;
    const auto left = due - std::chrono::steady_clock::now();
    if (left > std::chrono::nanoseconds::zero()) {
      const auto another = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stop_ || to_settle_.empty() || NextDue()->due < due;
      };
      mutex_.AwaitWithTimeout(absl::Condition(&another), absl::FromChrono(left));
      continue;
    }
    const Candidate candidate = *NextDue();
    to_settle_.erase(NextDue());
    const std::shared_ptr<Shard> shard = candidate.shard.lock();
    if (shard == nullptr) continue;
    if (shard->written_vectors() - candidate.vectors > kFewVectors) {
      AddCandidate(shard, candidate.rest);
      continue;
    }
    settling_ = shard;
    settling_from_ = shard->written_vectors();
    stop_settling_ = false;
    return {shard, candidate.rest};
  }
}

void Maintainer::Settle(const std::shared_ptr<Shard>& shard, absl::Duration rest) {
  // Seal and Merge may have found their place taken.
  absl::Status settled = SettleBy(&Shard::SealAtRest, *shard);
  Enqueue(to_seal_, shard);
  if (settled.ok()) settled = SettleBy(&Shard::MergeAtRest, *shard);
  Enqueue(to_merge_, shard);
  absl::MutexLock lock(&mutex_);
  settling_ = nullptr;
  if (absl::IsUnavailable(settled)) {
    AddCandidate(shard, rest);
  } else if (!settled.ok()) {
    AddCandidate(shard, std::clamp(2 * rest, kRetryPause, std::max(rest, kLongestRest)));
  }
}

absl::Status Maintainer::SettleBy(Work work, Shard& shard) {
  absl::StatusOr<bool> worked = true;
  while (worked.ok() && *worked) worked = Try(work, shard, stop_settling_);
  if (!worked.ok()) return worked.status();
  // What was told to stop between two pieces ends without an error.
  return stop_settling_ ? absl::CancelledError("settling was ended") : absl::OkStatus();
}

}  // namespace vecnest::engine
