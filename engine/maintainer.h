// The threads that do the background work of shards: sealing, merging, manifests.
#ifndef VECNEST_ENGINE_MAINTAINER_H_
#define VECNEST_ENGINE_MAINTAINER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
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
// by piece. A third thread settles shards at rest, and leaves one to the others again when many
// vectors are written to it. Thread-safe.
class Maintainer {
 public:
  // A shard is at rest when hardly any vectors were written for such a while. Zero or less: none
  // ever is.
  explicit Maintainer(absl::Duration rest);
  // Waits for the pieces of work under way.
  ~Maintainer();

  // Looks after `shard` soon, unless that is planned already. After each write.
  void Notify(std::shared_ptr<Shard> shard);

 private:
  using Work = absl::StatusOr<bool> (Shard::*)(const std::atomic<bool>&);
  using Queue = std::deque<std::shared_ptr<Shard>>;
  // A shard, and how many vectors were written to it when it was looked at.
  struct Seen {
    std::shared_ptr<Shard> shard;
    uint64_t vectors = 0;

    bool HasMoreThan(uint64_t more) const { return shard->written_vectors() - vectors > more; }
  };

  void Run(Work work, Queue& queue);
  void Enqueue(Queue& queue, std::shared_ptr<Shard> shard);
  void RunSettling();
  // Nothing when all ends. Otherwise those at rest since the last look.
  std::vector<Seen> AwaitResting();
  void Settle(const Seen& seen);

  const absl::Duration rest_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> stop_settling_ = false;  // as well; written under mutex_
  absl::Mutex mutex_;
  Queue to_seal_ ABSL_GUARDED_BY(mutex_);
  Queue to_merge_ ABSL_GUARDED_BY(mutex_);
  std::vector<Seen> to_settle_ ABSL_GUARDED_BY(mutex_);
  Seen settling_ ABSL_GUARDED_BY(mutex_);  // at the moment
  std::thread sealer_;
  std::thread merger_;
  std::thread settler_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_MAINTAINER_H_
