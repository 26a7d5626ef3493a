// What a call may ask of the encoder besides its result: how urgent it is, and until when the
// result is wanted.
#ifndef VECNEST_EMBEDDER_CALL_CONTROL_H_
#define VECNEST_EMBEDDER_CALL_CONTROL_H_

#include <chrono>
#include <stop_token>

#include "absl/status/status.h"

namespace vecnest::embedder {

// Urgent work does not wait for bulk work, however much of it there is.
enum class Priority { kUrgent, kBulk };

struct CallControl {
  Priority priority = Priority::kBulk;
  std::stop_token stop = {};  // the default one never asks to stop
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  // Cancelled or DeadlineExceeded when the result is no longer wanted.
  absl::Status Check() const {
    if (stop.stop_requested()) return absl::CancelledError("the call was cancelled");
    if (std::chrono::steady_clock::now() >= deadline) {
      return absl::DeadlineExceededError("the time given to the call is over");
    }
    return absl::OkStatus();
  }
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_CALL_CONTROL_H_
