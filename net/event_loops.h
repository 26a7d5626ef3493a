// Event loops, and the threads that read requests and run their calls.
//
// One thread at a time runs a loop, its leader (Schmidt et al., "Leader/Followers", 2000). A call
// runs on the leader that has read its request: what it needs is in that processor's caches, and
// no thread has to be woken on the way to the answer. Meanwhile nothing else of the loop moves, so
// a leader whose call takes long is replaced: a thread that sleeps leads on, and the old leader
// joins the sleepers when its call is over.
#ifndef VECNEST_NET_EVENT_LOOPS_H_
#define VECNEST_NET_EVENT_LOOPS_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "boost/asio/awaitable.hpp"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/io_context.hpp"
#include "net/call_places.h"
#include "net/http.h"

namespace vecnest::net {

// Thread-safe.
class EventLoops {
 public:
  // At least one loop and thread. `threads` calls run at a time, at most `queue` more wait.
  EventLoops(size_t loops, size_t threads, size_t queue);
  // Stops. What waits in the loops is destroyed.
  ~EventLoops();

  size_t size() const { return loops_.size(); }
  boost::asio::io_context& loop(size_t i) { return loops_[i]->io; }

  // Waits for the calls that run, and for nothing else.
  void Stop();

  // True when a call may be made now; it then must be.
  bool TryEnter() { return places_.TryEnter(); }
  // Runs the call, and comes back, to the caller's loop, which must be of these. Only after
  // TryEnter; frees the place when done. While the call runs, what belongs to the loop may be
  // touched by others: the call must not touch it.
  boost::asio::awaitable<Response> Run(std::function<Response()> call);

  // Comes back when nothing else of the loop is ready, when a few wait so, or soon; for answers
  // before they are sent. Sending wakes a client, and one on the same machine takes the processor:
  // calls that follow each other undisturbed find more in its caches. Only in a loop, not in a
  // call.
  static boost::asio::awaitable<void> AwaitQuiet();

  // Told by a call before what takes longer than a few hundred microseconds, such as waiting for
  // the encoder: its thread is replaced at once. Elsewhere without effect.
  static void ExpectLong();

 private:
  struct Loop;
  // One of the threads.
  struct Seat {
    EventLoops* owner = nullptr;
    // How many calls it has begun and ended: odd while one runs; and kReplaced.
    std::atomic<uint64_t> state = 0;
    // Written under mutex_. Its own thread reads it without, outside of calls: then nobody writes.
    Loop* leads = nullptr;
    absl::CondVar wake;
  };
  static constexpr size_t kMostHeld = 4;  // so many don't wait for quiet any longer
  struct Loop {
    boost::asio::io_context io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        io.get_executor()};
    // Who awaits quiet, and when the first began to. Touched by the leader alone.
    absl::InlinedVector<absl::AnyInvocable<void()>, kMostHeld> held;
    std::chrono::steady_clock::time_point held_since;
  };
  static constexpr uint64_t kReplaced = uint64_t{1} << 63;

  // Threads that don't lead sleep. No loop: all ends.
  Loop* AwaitLoop(Seat& seat);
  void Lead(Seat& seat);
  // False: the loop has ended.
  static bool RunOne(Loop& loop);
  // The loop of `seat`, which is in the call that `state` tells, gets another leader.
  void Replace(Seat& seat, uint64_t state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Replaces those whose call takes long.
  void Watch();
  // `seen`: of each seat the state when it was looked at last. True: some have changed.
  bool Look(std::vector<uint64_t>& seen) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // True: the thread was replaced meanwhile, and has to leave what is the loop's alone.
  bool RunHere(const std::function<Response()>& call, Response& response);
  bool TryTakeTurn();
  boost::asio::awaitable<void> AwaitTurn();
  // No exception: nobody else would give the turn to who waits.
  void PassTurn() noexcept;

  static thread_local Seat* own_seat_;

  const size_t threads_limit_;
  CallPlaces places_;
  std::vector<std::unique_ptr<Loop>> loops_;

  absl::Mutex mutex_;
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::vector<Loop*> leaderless_ ABSL_GUARDED_BY(mutex_);  // only while nobody sleeps
  // Who fell asleep last is woken first: few threads do most of the work, with warm caches.
  std::vector<Seat*> sleepers_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> watcher_sleeps_ = false;
  absl::CondVar watcher_wake_;

  absl::Mutex turns_mutex_;
  size_t running_ ABSL_GUARDED_BY(turns_mutex_) = 0;
  std::deque<absl::AnyInvocable<void()>> waiting_ ABSL_GUARDED_BY(turns_mutex_);

  std::vector<std::thread> threads_;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_EVENT_LOOPS_H_
