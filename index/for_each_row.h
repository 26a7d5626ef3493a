// Work on the rows of a segment by several threads.
#ifndef VECNEST_INDEX_FOR_EACH_ROW_H_
#define VECNEST_INDEX_FOR_EACH_ROW_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace vecnest::index {

// Calls work(row) for the rows first .. end-1, each once, on the calling thread and threads - 1
// others, or fewer where no more can be started. Ends early soon after `stop` turned true; it may
// be null. An exception may not leave a thread: the first one ends the work, and is thrown here.
template <class Work>
void ForEachRow(size_t first, size_t end, int threads, const std::atomic<bool>* stop,
                const Work& work) {
  std::atomic<size_t> next = first;
  absl::Mutex mutex;
  std::exception_ptr failure;
  const auto run = [&] {
    try {
      for (size_t row = next++; row < end && (stop == nullptr || !*stop); row = next++) {
        work(static_cast<uint32_t>(row));
      }
    } catch (...) {
      next = end;
      const absl::MutexLock lock(&mutex);
      if (failure == nullptr) failure = std::current_exception();
    }
  };
  std::vector<std::thread> workers;
  try {
    const size_t most = std::min(static_cast<size_t>(threads), end - first);
    for (size_t i = 1; i < most; ++i) workers.emplace_back(run);
  } catch (const std::exception&) {
    // The work is done by fewer.
  }
  run();
  for (std::thread& worker : workers) worker.join();
  if (failure != nullptr) std::rethrow_exception(failure);
}

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_FOR_EACH_ROW_H_
