// Adapting collections in the background, one at a time.
#ifndef VECNEST_ENGINE_ADAPTING_H_
#define VECNEST_ENGINE_ADAPTING_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "engine/models.h"
#include "engine/shard.h"
#include "vecnest/adapt.h"

namespace vecnest::engine {

// Thread-safe.
class Adapting {
 public:
  // `done` is called with each shard after its job: what was held off meanwhile is to be done.
  // Texts of pairs are encoded by `models`, which outlives this.
  Adapting(const LoadedModels& models, std::function<void(std::shared_ptr<Shard>)> done)
      : models_(models), done_(std::move(done)) {}
  // Cancels what is under way and waits for it.
  ~Adapting();

  // InvalidArgument: a vector that is not there, or numbers out of range. FailedPrecondition: the
  // vector's metric or width is not for adaptors, or there are too few vectors. ResourceExhausted:
  // another one is under way.
  absl::Status Start(std::shared_ptr<Shard> shard, AdaptRequest request);
  // The last job of a collection.
  AdaptJob Find(const Shard& shard) const;
  // False: none is under way.
  bool Cancel(const Shard& shard);

 private:
  using AdaptorPtr = std::shared_ptr<const embedder::Adaptor>;

  // `given`: null unless the request gives one.
  void Run(const std::shared_ptr<Shard>& shard, const AdaptRequest& request,
           const AdaptorPtr& given);
  absl::Status Adapt(Shard& shard, const AdaptRequest& request, AdaptorPtr adaptor);
  // The vectors it is learned from, and learning.
  absl::StatusOr<AdaptorPtr> Train(const Shard& shard, Slot slot, const AdaptRequest& request);
  // Of what Train does; ends it when it was cancelled.
  absl::Status ReportTraining(double share);
  // ResourceExhausted: a collection is being adapted.
  absl::Status CheckIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Enter(AdaptPhase phase);
  void Report(double progress);
  static double Share(const IndexingProgress& progress);

  const LoadedModels& models_;
  const std::function<void(std::shared_ptr<Shard>)> done_;
  mutable absl::Mutex mutex_;
  std::atomic<bool> stop_ = false;
  IndexingProgress indexing_;                                     // of the current job
  std::map<std::string, AdaptJob> jobs_ ABSL_GUARDED_BY(mutex_);  // by the collection's uuid
  std::string current_ ABSL_GUARDED_BY(mutex_);                   // uuid; empty: nothing runs
  std::string current_name_ ABSL_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point start_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_ADAPTING_H_
