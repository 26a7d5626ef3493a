// The threads that do the background work of shards: sealing, merging, manifests.
#ifndef VECNEST_ENGINE_MAINTAINER_H_
#define VECNEST_ENGINE_MAINTAINER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/shard.h"

namespace vecnest::engine {

// From here on the calling thread, and those that it makes, leave the processors to others.
void BecomeBackground();

// Runs at low priority beside reads and writes. Sealing and merging have a thread each: a merge of
// many vectors takes minutes, and what comes in meanwhile needs its graphs. Shards take turns piece
// by piece. A third thread has shards at rest merged further, and leaves one to the others again
// when many vectors are written to it. Thread-safe.
class Maintainer {
 public:
  // A shard is at rest when hardly any vectors were written for such a while. Zero or less: none
  // ever is.
  explicit Maintainer(absl::Duration rest);
  // Waits for the pieces of work under way.
  ~Maintainer();

  // Looks after `shard` soon, unless that is planned already. After each write.
  void Notify(std::shared_ptr<Shard> shard);
  // Whether the shard is being settled, or will be once it comes to rest. Not when that was ended
  // or failed before: nobody knows when it will succeed.
  bool ExpectsToSettle(const std::shared_ptr<Shard>& shard) const;
  // The shard was dropped: ends what takes long of it.
  void Leave(const std::shared_ptr<Shard>& shard);

 private:
  using Work = absl::StatusOr<bool> (Shard::*)(const std::atomic<bool>&);
  using Queue = std::deque<std::shared_ptr<Shard>>;
  using Time = std::chrono::steady_clock::time_point;
  // A shard that may come to rest. A deleted one is not kept alive by it.
  struct Candidate {
    std::weak_ptr<Shard> shard;
    absl::Duration rest;   // longer each time that it could not be settled
    uint64_t vectors = 0;  // written when the rest began
    Time due;              // when it is over
  };

  void Run(Work work, Queue& queue);
  void Enqueue(Queue& queue, std::shared_ptr<Shard> shard);
  void RunSettling();
  void AddCandidate(const std::shared_ptr<Shard>& shard, absl::Duration rest)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<Candidate>::iterator NextDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // One at rest, which is then settling_, and for how long it had to be. Nothing: all ends.
  std::pair<std::shared_ptr<Shard>, absl::Duration> AwaitResting();
  void Settle(const std::shared_ptr<Shard>& shard, absl::Duration rest);
  absl::Status SettleBy(Work work, Shard& shard);

  const absl::Duration rest_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> stop_settling_ = false;  // as well; written under mutex_
  mutable absl::Mutex mutex_;
  Queue to_seal_ ABSL_GUARDED_BY(mutex_);
  Queue to_merge_ ABSL_GUARDED_BY(mutex_);
  std::vector<Candidate> to_settle_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Shard> settling_ ABSL_GUARDED_BY(mutex_);
  uint64_t settling_from_ ABSL_GUARDED_BY(mutex_) = 0;  // vectors written before
  std::thread sealer_;
  std::thread merger_;
  std::thread settler_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_MAINTAINER_H_
