#include "embedder/team.h"

#include <sched.h>

#include <algorithm>
#include <system_error>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace vecnest::embedder {
namespace {

using Clock = std::chrono::steady_clock;

// How long a helper looks for the next piece before it sleeps, and the caller for the last one
// before it gives its core to whoever wants it. The gaps between the products of a short query are
// below 20 microseconds; waking a helper costs about as much as this.
constexpr std::chrono::microseconds kSpin(50);

// Passes that run, of all models: they share the cores.
std::atomic<int> running_passes = 0;

// After a crowded pass so many others may go without help: less than one in a hundred queries may
// be the one that looks again.
constexpr int kLongestRest = 255;

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

Team::Pass::Pass(Team* team) {
  if (++running_passes == 1 && team != nullptr && team->TryBegin()) team_ = team;
}

Team::Pass::~Pass() {
  if (team_ != nullptr) team_->End();
  --running_passes;
}

Team::Team(size_t threads) {
  try {
    for (size_t member = 1; member < std::min(threads, kMostMembers); ++member) {
      helpers_.emplace_back([this, member] { Help(member); });
    }
  } catch (const std::system_error&) {
    // A limit of the system: those that there are will do.
  }
}

Team::~Team() {
  stopping_ = true;
  Wake();
  for (std::thread& helper : helpers_) helper.join();
}

bool Team::TryBegin() {
  if (helpers_.empty() || taken_.exchange(true)) return false;
  if (rest_ > 0) {
    --rest_;
    taken_ = false;
    return false;
  }
  crowded_ = false;
  caller_cpu_ = sched_getcpu();
  Wake();  // they need a while
  return true;
}

void Team::End() {
  last_rest_ = crowded_ ? std::min(2 * last_rest_ + 1, kLongestRest) : last_rest_ / 2;
  rest_ = crowded_ ? last_rest_ : 0;
  taken_ = false;
}

bool Team::IsFree() const {
  return running_passes.load(std::memory_order_relaxed) == 1 &&
         !crowded_.load(std::memory_order_relaxed);
}

void Team::Run(size_t pieces, Work work) {
  const Clock::time_point begin = Clock::now();
  work_ = &work;
  unfinished_.store(pieces, std::memory_order_relaxed);
  caller_cpu_.store(sched_getcpu(), std::memory_order_relaxed);
  const Offer last = Offer::Of(offer_.load(std::memory_order_relaxed));
  offer_ = Offer{last.round + 1, static_cast<uint16_t>(pieces), 0}.word();
  Wake();
  while (TakePiece(0)) {
  }
  AwaitHelpers(begin);
}

void Team::AwaitHelpers(Clock::time_point begin) {
  // Pieces are alike: a helper has begun, so it is done in the time that the caller took.
  const Clock::time_point now = Clock::now();
  const Clock::time_point patience = now + (now - begin) + kSpin;
  while (unfinished_.load(std::memory_order_acquire) > 0) {
    if (!crowded_ && Clock::now() < patience) {
      Pause();
    } else {
      crowded_ = true;
      std::this_thread::yield();  // the helper may want this very core
    }
  }
}

bool Team::TakePiece(size_t member) {
  uint64_t word = offer_.load(std::memory_order_acquire);
  while (!Offer::Of(word).is_empty()) {
    if (!offer_.compare_exchange_weak(word, word + 1, std::memory_order_acq_rel)) continue;
    // As long as this piece is unfinished the round cannot end.
    (*work_)(Offer::Of(word).next, member);
    unfinished_.fetch_sub(1, std::memory_order_release);
    return true;
  }
  return false;
}

void Team::Help(size_t member) {
  Clock::time_point patience = Clock::now();
  while (true) {
    if (Clock::now() >= patience) {
      if (!Sleep()) return;
      patience = Clock::now() + kSpin;
    } else if (sched_getcpu() == caller_cpu_.load(std::memory_order_relaxed)) {
      crowded_ = true;
      patience = Clock::now();
    } else if (TakePiece(member)) {
      patience = Clock::now() + kSpin;
    } else {
      Pause();
    }
  }
}

bool Team::Sleep() {
  // Who is woken just before it sleeps through one round; the next one wakes it again.
  const int seen = wakes_;
  if (!stopping_) wakes_.wait(seen);
  return !stopping_;
}

void Team::Wake() {
  ++wakes_;
  wakes_.notify_all();  // cheap when nobody sleeps
}

}  // namespace vecnest::embedder
