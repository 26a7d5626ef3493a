// The thread that does the background work of shards: sealing, merging, manifests.
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

// Runs at low priority beside reads and writes. Thread-safe.
class Maintainer {
 public:
  Maintainer();
  // Waits for the piece of work under way.
  ~Maintainer();

  // Looks after `shard` soon, unless that is planned already.
  void Notify(std::shared_ptr<Shard> shard);

 private:
  void Run();

  std::atomic<bool> stop_ = false;
  absl::Mutex mutex_;
  std::deque<std::shared_ptr<Shard>> queue_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_MAINTAINER_H_
