#include "net/event_loops.h"

#include <chrono>
#include <exception>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/time/time.h"
#include "boost/asio/associated_executor.hpp"
#include "boost/asio/async_result.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/this_coro.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "net/short_turns.h"

namespace vecnest::net {

namespace asio = boost::asio;

namespace {

// A call that is seen running twice, this far apart, takes long.
constexpr absl::Duration kPatience = absl::Milliseconds(1);
// Who has seen nothing happen so many times sleeps until a call begins.
constexpr int kQuietLooks = 50;
// Nobody awaits quiet for longer, but for the call that runs then. Loops that throw away what a
// client goes on sending are never quiet.
constexpr std::chrono::microseconds kLongestHold(500);

}  // namespace

thread_local EventLoops::Seat* EventLoops::own_seat_ = nullptr;

EventLoops::EventLoops(size_t loops, size_t threads, size_t queue)
    : threads_limit_(threads), places_(threads + queue) {
  for (size_t i = 0; i < loops; ++i) {
    loops_.push_back(std::make_unique<Loop>());
    leaderless_.push_back(loops_.back().get());
  }
  // However many calls run, each loop has a leader.
  for (size_t i = 0; i < threads + loops; ++i) {
    seats_.push_back(std::make_unique<Seat>());
    seats_.back()->owner = this;
  }
  sleepers_.reserve(seats_.size());
  threads_.reserve(seats_.size() + 1);
  try {
    for (const auto& seat : seats_) {
      threads_.emplace_back([this, own = seat.get()] { Lead(*own); });
    }
    threads_.emplace_back([this] { Watch(); });
  } catch (const std::exception&) {
    Stop();
    throw;
  }
}

EventLoops::~EventLoops() {
  Stop();
  // Calls that wait come back to their loops when they are destroyed. The first loop, in which
  // connections may be accepted for the others, ends before those.
  waiting_.clear();
  for (auto& loop : loops_) loop.reset();
}

void EventLoops::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    ends_ = true;
    for (Seat* seat : sleepers_) seat->wake.Signal();
    watcher_wake_.Signal();
  }
  for (const auto& loop : loops_) loop->io.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

EventLoops::Loop* EventLoops::AwaitLoop(Seat& seat) {
  absl::MutexLock lock(&mutex_);
  seat.state.fetch_and(~kReplaced);
  if (ends_) return nullptr;
  if (!leaderless_.empty()) {
    seat.leads = leaderless_.back();
    leaderless_.pop_back();
    return seat.leads;
  }
  sleepers_.push_back(&seat);
  while (seat.leads == nullptr && !ends_) seat.wake.Wait(&mutex_);
  return ends_ ? nullptr : seat.leads;
}

void EventLoops::Lead(Seat& seat) {
  own_seat_ = &seat;
  TakeShortTurns();
  while (Loop* const loop = AwaitLoop(seat)) {
    while ((seat.state.load(std::memory_order_relaxed) & kReplaced) == 0 && RunOne(*loop)) {
    }
  }
}

bool EventLoops::RunOne(Loop& loop) {
  if (loop.held.empty()) return loop.io.run_one() > 0;
  if (loop.held.size() < kMostHeld &&
      std::chrono::steady_clock::now() - loop.held_since < kLongestHold && loop.io.poll_one() > 0) {
    return true;
  }
  if (loop.io.stopped()) return false;
  // None of them begins a call at once: each reads a request first, and the loop tells it of that.
  // Were this thread replaced here, it would resume the others outside of their loop.
  auto held = std::exchange(loop.held, {});
  for (auto& resume : held) resume();
  return true;
}

asio::awaitable<void> EventLoops::AwaitQuiet() {
  auto hold = [](auto handler) {
    Loop& loop = *own_seat_->leads;
    if (loop.held.empty()) loop.held_since = std::chrono::steady_clock::now();
    loop.held.push_back(std::move(handler));
  };
  using Signature = void();
  co_await asio::async_initiate<const asio::use_awaitable_t<>, Signature>(std::move(hold),
                                                                          asio::use_awaitable);
}

void EventLoops::Replace(Seat& seat, uint64_t state) {
  if (!seat.state.compare_exchange_strong(state, state | kReplaced)) return;
  Loop* const loop = std::exchange(seat.leads, nullptr);
  if (sleepers_.empty()) {
    leaderless_.push_back(loop);  // of a thread that is on its way to sleep
    return;
  }
  Seat& next = *sleepers_.back();
  sleepers_.pop_back();
  next.leads = loop;
  next.wake.Signal();
}

void EventLoops::ExpectLong() {
  Seat* const seat = own_seat_;
  if (seat == nullptr) return;
  const uint64_t state = seat->state.load();
  if (state % 2 == 0 || (state & kReplaced) != 0) return;
  absl::MutexLock lock(&seat->owner->mutex_);
  seat->owner->Replace(*seat, state);
}

bool EventLoops::Look(std::vector<uint64_t>& seen) {
  bool changed = false;
  for (size_t i = 0; i < seats_.size(); ++i) {
    const uint64_t state = seats_[i]->state.load();
    if (state != seen[i]) {
      changed = true;
    } else if (state % 2 == 1 && (state & kReplaced) == 0) {
      Replace(*seats_[i], state);
    }
    seen[i] = state;
  }
  return changed;
}

void EventLoops::Watch() {
  TakeShortTurns();
  std::vector<uint64_t> seen(seats_.size());
  int quiet_looks = 0;
  absl::MutexLock lock(&mutex_);
  while (!ends_) {
    quiet_looks = Look(seen) ? 0 : quiet_looks + 1;
    if (quiet_looks < kQuietLooks) {
      watcher_wake_.WaitWithTimeout(&mutex_, kPatience);
      continue;
    }
    // A call that begins changes its state, then looks who sleeps: one of the two sees the other.
    watcher_sleeps_ = true;
    if (!Look(seen)) {
      while (watcher_sleeps_ && !ends_) watcher_wake_.Wait(&mutex_);
    }
    watcher_sleeps_ = false;
    quiet_looks = 0;
  }
}

bool EventLoops::RunHere(const std::function<Response()>& call, Response& response) {
  Seat& seat = *own_seat_;
  ++seat.state;
  if (watcher_sleeps_) {
    absl::MutexLock lock(&mutex_);
    watcher_sleeps_ = false;
    watcher_wake_.Signal();
  }
  response = RunCall(call);
  return (seat.state.fetch_add(1) & kReplaced) != 0;
}

bool EventLoops::TryTakeTurn() {
  absl::MutexLock lock(&turns_mutex_);
  if (running_ == threads_limit_) return false;
  ++running_;
  return true;
}

asio::awaitable<void> EventLoops::AwaitTurn() {
  auto start = [this](auto handler) {
    auto back = asio::make_work_guard(asio::get_associated_executor(handler));
    absl::AnyInvocable<void()> resume = [handler = std::move(handler),
                                         back = std::move(back)]() mutable {
      asio::post(back.get_executor(), std::move(handler));
    };
    {
      absl::MutexLock lock(&turns_mutex_);
      if (running_ == threads_limit_) {
        waiting_.push_back(std::move(resume));
        return;
      }
      ++running_;
    }
    resume();
  };
  using Signature = void();
  co_await asio::async_initiate<const asio::use_awaitable_t<>, Signature>(std::move(start),
                                                                          asio::use_awaitable);
}

void EventLoops::PassTurn() noexcept {
  absl::AnyInvocable<void()> resume;
  {
    absl::MutexLock lock(&turns_mutex_);
    if (waiting_.empty()) {
      --running_;
      return;
    }
    resume = std::move(waiting_.front());
    waiting_.pop_front();
  }
  resume();
}

asio::awaitable<Response> EventLoops::Run(std::function<Response()> call) {
  const absl::Cleanup leave = [this] { places_.Leave(); };
  if (!TryTakeTurn()) co_await AwaitTurn();
  Response response;
  const bool replaced = RunHere(call, response);
  PassTurn();
  if (replaced) {
    try {
      auto executor = co_await asio::this_coro::executor;
      co_await asio::post(executor, asio::use_awaitable);
    } catch (const std::exception&) {
      std::terminate();  // the caller must not go on here, where others are in its loop
    }
  }
  co_return response;
}

}  // namespace vecnest::net
