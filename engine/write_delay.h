// How much a write is slowed down while vectors wait for their graph.
#ifndef VECNEST_ENGINE_WRITE_DELAY_H_
#define VECNEST_ENGINE_WRITE_DELAY_H_

#include <cstddef>

#include "absl/time/time.h"

namespace vecnest::engine {

// No write waits longer, so that one goes through although graphs can't be built at all.
inline constexpr absl::Duration kLongestWriteDelay = absl::Seconds(2);

// Vectors that are not in a graph yet are scanned by every query, and a log that is written faster
// than graphs are built leaves ever more of them. So a write of `vectors` waits this long when its
// index has `unsealed` ones: nothing up to the seal threshold; beyond, each further threshold about
// halves the speed of a writer, which settles where graphs are built as fast. A pure function
// without memory: there is nothing to be woken up from, and a small write beside a large one waits
// for its own share only.
absl::Duration WriteDelay(size_t vectors, size_t unsealed, size_t seal_threshold);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_WRITE_DELAY_H_
