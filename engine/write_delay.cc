#include "engine/write_delay.h"

#include <algorithm>
#include <cmath>

namespace vecnest::engine {
namespace {

// Of so few even exact scans take no time.
constexpr size_t kSmallestThreshold = 8192;
constexpr double kFreeThresholds = 1;
// A vector of 384 dimensions takes about as long to be parsed and logged.
constexpr absl::Duration kPerVector = absl::Microseconds(125);
constexpr double kMostDoublings = 20;

}  // namespace

absl::Duration WriteDelay(size_t vectors, size_t unsealed, size_t seal_threshold) {
  const size_t threshold = std::max(seal_threshold, kSmallestThreshold);
  const double beyond =
      static_cast<double>(unsealed) / static_cast<double>(threshold) - kFreeThresholds;
  if (beyond <= 0) return absl::ZeroDuration();
  const double times = std::exp2(std::min(beyond, kMostDoublings)) - 1;
  return std::min(kPerVector * (times * static_cast<double>(vectors)), kLongestWriteDelay);
}

}  // namespace vecnest::engine
