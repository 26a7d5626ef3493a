// Joins the sequences of all calls under way into forward passes: what comes while the processor
// is busy shares the next pass.
#ifndef VECNEST_EMBEDDER_BATCH_SCHEDULER_H_
#define VECNEST_EMBEDDER_BATCH_SCHEDULER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "embedder/architecture.h"
#include "embedder/call_control.h"

namespace vecnest::embedder {

// Tokens of a batch, concatenated: sequence i is ids[offsets[i] .. offsets[i + 1]).
struct TokenBatch {
  std::vector<int32_t> ids;
  std::vector<size_t> offsets = {0};
  size_t size() const { return offsets.size() - 1; }
};

// Each priority has its queue and may run `threads` passes at a time, so that the operating system
// shares the cores between a query and an import instead of the one waiting for the other. Within
// a priority calls take turns, pass by pass. A calling thread works on passes itself while its
// call waits; threads - 1 more help. Thread-safe.
class BatchScheduler {
 public:
  struct Options {
    int threads = 1;
    // A pass has at most so many tokens, but for a longer sequence, which is alone in it, and at
    // most so many sequences: a sequence may have no token.
    size_t pass_tokens = 1024;
    size_t waiting_calls = 1024;  // per priority; a call beyond them is refused
  };
  struct Stats {
    uint64_t passes = 0;
    uint64_t sequences = 0;  // in these passes
    uint64_t tokens = 0;     // of these sequences
    uint64_t dropped = 0;    // sequences whose call was cancelled or late
    uint64_t refused = 0;    // calls
    uint64_t waiting = 0;    // calls, now
  };
  // Runs the network over some sequences. Called from several threads at a time; must not throw.
  using Forward =
      std::function<absl::Status(const TokenSpan& tokens, Architecture::HiddenStateSink sink)>;
  // Receives hidden state `layer` of the call's sequence `index`, row-major [tokens, width].
  // Called from several threads at a time, for each sequence from one.
  using Sink = absl::FunctionRef<void(size_t index, size_t layer, const float* rows)>;

  // `width`: values of a hidden state of one token.
  BatchScheduler(const Options& options, size_t width, Forward forward);
  // No call may be under way.
  ~BatchScheduler();
  BatchScheduler(const BatchScheduler&) = delete;
  BatchScheduler& operator=(const BatchScheduler&) = delete;

  // Returns when all sequences of `batch` went to the sink, or with the first error:
  // ResourceExhausted when too many calls wait, Cancelled, DeadlineExceeded, Unavailable when there
  // is no memory, or what Forward gave. The sequences of a pass that fails are tried again call by
  // call, so that nobody gets the error of another's. After an error some sequences may have gone
  // to the sink, and one may go to it twice.
  absl::Status Run(const TokenBatch& batch, const CallControl& control, Sink sink);

  Stats stats() const;

 private:
  struct Call;
  struct Pass;
  struct Lane {
    std::deque<Call*> waiting;  // calls with sequences that no pass has taken yet
    size_t waiting_tokens = 0;  // of these sequences
    int running = 0;            // passes
  };

  bool CanStart(const Lane& lane) const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return !lane.waiting.empty() && lane.running < options_.threads;
  }
  void Work();
  void Await(Call* call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes waiting sequences into the pass; none when there were only such of calls that are over.
  void Form(Lane* lane, Pass* pass) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Form as far as there is memory; a call that there is none for at all ends with Unavailable.
  void TryForm(Lane* lane, Pass* pass) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Runs a pass and gives its results out.
  absl::Status ForwardPass(const Pass& pass) ABSL_LOCKS_EXCLUDED(mutex_);
  // The pass's sequences are done, or, after an error, their calls over.
  void Settle(Lane* lane, const Pass& pass, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Instead of Settle after an error: what each call has in the pass once more, alone. Without the
  // lock meanwhile.
  void RunApart(Lane* lane, const Pass& pass, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends the call as soon as its running passes are done.
  void Drop(Lane* lane, Call* call, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Forms a pass and runs it, without the lock meanwhile.
  void RunPass(Lane* lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const size_t width_;
  const Forward forward_;
  mutable absl::Mutex mutex_;
  std::array<Lane, 2> lanes_ ABSL_GUARDED_BY(mutex_);  // by Priority
  Stats stats_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> helpers_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_BATCH_SCHEDULER_H_
