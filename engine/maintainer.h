// The threads that do the background work of shards: sealing, merging, manifests.
#ifndef VECNEST_ENGINE_MAINTAINER_H_
#define VECNEST_ENGINE_MAINTAINER_H_

#include <atomic>
#include <deque>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "engine/shard.h"

namespace vecnest::engine {

// From here on the calling thread, and those that it makes, leave the processors to others.
void BecomeBackground();

// Runs at low priority beside reads and writes. Sealing and merging have a thread each: a merge of
// many vectors takes minutes, and what comes in meanwhile needs its graphs. Shards take turns piece
// by piece. Thread-safe.
class Maintainer {
 public:
  Maintainer();
  // Waits for the pieces of work under way.
  ~Maintainer();

  // Looks after `shard` soon, unless that is planned already.
  void Notify(std::shared_ptr<Shard> shard);

 private:
  using Work = absl::StatusOr<bool> (Shard::*)(const std::atomic<bool>&);
  using Queue = std::deque<std::shared_ptr<Shard>>;

  void Run(Work work, Queue& queue);
  void Enqueue(Queue& queue, std::shared_ptr<Shard> shard);

  std::atomic<bool> stop_ = false;
  absl::Mutex mutex_;
  Queue to_seal_ ABSL_GUARDED_BY(mutex_);
  Queue to_merge_ ABSL_GUARDED_BY(mutex_);
  std::thread sealer_;
  std::thread merger_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_MAINTAINER_H_
